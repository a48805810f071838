"""The parts of the script by hand (`by_hand.py`) that are the same for every registry. For bash 4."""

from __future__ import annotations

HOLD = {
    "stop": r"""
hold() {
    stop_registry
    wait_until nobody_answers "$URL" || fail "$URL still answers: it was not stopped. Nothing was collected."
    say "Proof: nobody answers at $URL."
}
release() { :; }
""",
    "read-only": r"""
reader=
hold() {
    stop_registry
    start_registry_read_only
    wait_until refuses_writes "$URL" || fail "$URL does not refuse writes. Nothing was collected."
    say "Proof: $URL refuses PUT and DELETE as read-only."
}
release() { [ -z "$reader" ] || stop_registry_read_only; }
""",
}

BODY = r"""
fail() { printf '%s\n' "$*" >&2; exit 1; }
say() { printf '%s\n' "$*"; }
allowed() {
    "${CURL[@]}" --request OPTIONS --dump-header - --output /dev/null "$1$MANIFEST" \
        | tr -d '\r' | sed -n 's/^[Aa][Ll][Ll][Oo][Ww]: *//p'
}
answer_to() { "${CURL[@]}" --output /dev/null --write-out '%{http_code}' "$@"; }
put() { # a body that is no manifest: nothing is stored
    answer_to --request PUT --header 'Content-Type: application/vnd.oci.image.index.v1+json' --data x "$1$MANIFEST"
}
accepts_writes() {
    case $(allowed "$1") in *PUT*) ;; *) return 1 ;; esac
    case $(put "$1") in 400 | 404) ;; *) return 1 ;; esac
}
refuses_writes() {
    case $(allowed "$1") in '' | *PUT* | *DELETE*) return 1 ;; esac
    [ "$(put "$1")" = 405 ] && [ "$(answer_to --request DELETE "$1$NO_MANIFEST")" = 405 ]
}
nobody_answers() { # 7: nobody listens there; 502 to 504: a proxy says so
    local code=0 status
    status=$(put "$1") || code=$?
    case $code:$status in 7:* | 0:502 | 0:503 | 0:504) ;; *) return 1 ;; esac
}
wait_until() {
    local give_up=$((SECONDS + WAIT_S))
    until "$@"; do
        [ "$SECONDS" -lt "$give_up" ] || return 1
        sleep 0.2
    done
}
collect() {
    local output=$1 code=0 announced listed
    shift
    "${REGISTRY[@]}" garbage-collect "$@" "$CONFIG" > "$output" 2>&1 < /dev/null &
    collector=$!
    wait "$collector" || code=$?
    collector=
    [ "$code" = 0 ] || fail "The collector ended with code $code: $(tail -n 1 "$output")"
    summary=$(grep -E '^[0-9]+ blobs marked, [0-9]+ blobs and [0-9]+ manifests eligible for deletion$' "$output") \
        || fail "The collector ended without its summary, so it did nothing: $(tail -n 1 "$output")"
    announced=${summary#* marked, }
    listed=$(grep -c '^blob eligible for deletion: ' "$output" || true)
    [ "$listed" = "${announced%% *}" ] || fail "The collector announced ${announced%% *} blobs, and listed $listed."
}
flush_redis() {
    [ "${#REDIS[@]}" -gt 0 ] || return 0
    local pattern
    for pattern in 'blobs::*' 'repository::*'; do
        "${REDIS[@]}" --scan --pattern "$pattern" | tr '\n' '\0' | xargs -0 -r -n 500 "${REDIS[@]}" DEL > /dev/null || return 1
        [ -z "$("${REDIS[@]}" --scan --pattern "$pattern")" ] || return 1
    done
    say "The registry's keys in redis were removed."
}
come_back() {
    local code=$?
    trap - EXIT
    trap : HUP INT TERM # what was begun here is finished
    set +e
    if [ -n "$collector" ]; then
        kill "$collector"
        while kill -0 "$collector" 2> /dev/null; do wait "$collector"; done
    fi
    [ "$is_away" = yes ] || exit "$code"
    exec 9<&-
    release
    if [ "$is_swept" = yes ] && ! wait_until flush_redis; then
        code=1
        say "REDIS WAS NOT FLUSHED. Stop the registry, remove blobs::* and repository::* from redis, and start it:" \
            "until then, what is pushed may be lost." >&2
    fi
    start_registry
    if wait_until accepts_writes "$URL"; then
        say "Proof: $URL accepts writes again."
    else
        code=1
        say "THE REGISTRY DOES NOT TAKE WRITES. Start it by hand now." >&2
    fi
    exit "$code"
}

is_away=no is_swept=no collector='' summary='' before=''
trap come_back EXIT
trap 'exit 129' HUP
trap 'exit 130' INT
trap 'exit 143' TERM

[ -r "$CONFIG" ] || fail "CONFIG, '$CONFIG', cannot be read."
work=$(mktemp -d)
version=$("${REGISTRY[@]}" --version) || fail "REGISTRY, ${REGISTRY[*]}, cannot be started."
[[ -z $GENERATION || ${version##* } =~ ^v?$GENERATION\. ]] || fail "The registry is of generation $GENERATION, not: $version"
accepts_writes "$URL" || fail "$URL does not take writes, or does not answer. Nothing was changed."
[ "${#REDIS[@]}" = 0 ] || [ "$("${REDIS[@]}" PING)" = PONG ] || fail "redis does not answer. Nothing was changed."

collect "$work/dry-run" --dry-run
say "A dry run changes nothing. It says: $summary"
case $summary in '0 blobs marked, 0 blobs '*) ;; '0 blobs marked, '*) fail "It would delete everything: is CONFIG right?" ;; esac
other=$(grep -m 1 -E ': marking blob sha(384|512):' "$work/dry-run" || true) # stored by sha256, and so not kept
[ -z "$other" ] || fail "${other%%:*} names ${other##* marking blob }: a collection would delete its bytes. Nothing was changed."
printf 'What it would delete stands in %s. Type yes to go on: ' "$work/dry-run"
read -r answer || answer=no
[ "$answer" = yes ] || fail "Nothing was changed."

[ -z "$STORE" ] || before=$(du -sk "$STORE" | cut -f 1)
is_away=yes
hold
for other in "${OTHERS[@]+"${OTHERS[@]}"}"; do
    refuses_writes "$other" || nobody_answers "$other" || fail "$other does not refuse writes. Nothing was collected."
done
if [ -n "$STORE" ]; then # what this script starts from here on has the lock, too, and a keeper heeds it
    exec 9< "$STORE"
    flock --nonblock 9 || fail "Somebody else has locked $STORE. Nothing was collected."
fi
is_swept=yes
collect "$work/collection"
say "The collector says: $summary"
[ -z "$STORE" ] || say "$((before - $(du -sk "$STORE" | cut -f 1))) KiB are free again."
"""
