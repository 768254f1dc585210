
# rk COMMAND ... runs a command, keeps what it says on stderr, and searches that when it fails.
rk() {
    local file status
    if [ $# -eq 0 ]; then
        rk!
        return
    fi
    file=$(mktemp "${TMPDIR:-/tmp}/rekall.XXXXXX") || return
    { "$@" 2>&1 >&3 3>&- | tee "$file" >&2 3>&-; status=${PIPESTATUS[0]}; } 3>&1
    _rekall_said=$(tail -c 4000 "$file")
    command rm -f "$file"
    if [ "$status" -ne 0 ] && [ -n "$_rekall_said" ]; then
        _rekall_ask
    fi
    return "$status"
}

# rk! searches what the last command said: what rk kept of it, what tmux or kitty still shows, else it asks to run it again.
function rk! {
    local last answer
    last=$(fc -ln -1 2>/dev/null)
    last=${last#"${last%%[![:space:]]*}"}
    case $last in
        "rk "*)
            if [ -z "${_rekall_said-}" ]; then
                printf 'It said nothing on stderr.\n' >&2
                return 1
            fi ;;
        *) _rekall_said=$(_rekall_shown "$last") ;;
    esac
    if [ -z "${_rekall_said-}" ] && [ -n "$last" ]; then
        printf 'Nothing kept what it said. Run it again?  %s  [y/N] ' "$last" >&2
        read -r answer
        case $answer in
            [yY]*) rk eval "$last"; return ;;
        esac
        return 1
    fi
    _rekall_ask
}

_rekall_shown() {
    if [ -n "${TMUX-}" ]; then
        tmux capture-pane -p -J -S -200 2>/dev/null | command rekall __screen "=$1"
    elif [ -n "${KITTY_WINDOW_ID-}" ]; then
        kitty @ get-text --extent last_cmd_output 2>/dev/null
    fi
}

_rekall_ask() {
    printf '%s\n' "$_rekall_said" | command rekall search --min likely --limit 3 -
}
