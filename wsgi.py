"""The application, for gunicorn and `flask --app wsgi`."""

from webapp import create_app, settings_or_exit

app = create_app(settings_or_exit())
