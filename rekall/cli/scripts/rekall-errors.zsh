
# rk COMMAND ... runs a command, keeps what it says on stderr, and searches that when it fails.
rk() {
    local file code
    if (( $# == 0 )); then
        'rk!'
        return
    fi
    file=$(mktemp "${TMPDIR:-/tmp}/rekall.XXXXXX") || return
    { "$@" 2>&1 >&3 3>&- | tee "$file" >&2 3>&-; code=$pipestatus[1] } 3>&1
    typeset -g _rekall_said="$(tail -c 4000 "$file")"
    command rm -f "$file"
    if (( code )) && [[ -n $_rekall_said ]]; then
        _rekall_ask
    fi
    return $code
}

# rk! searches what the last command said: what rk kept of it, what tmux or kitty still shows, else it asks to run it again.
'rk!'() {
    local last answer
    last=$(fc -ln -1 2>/dev/null)
    if [[ $last != 'rk '* ]]; then
        typeset -g _rekall_said="$(_rekall_shown "$last")"
    elif [[ -z $_rekall_said ]]; then
        print -u2 -- 'It said nothing on stderr.'
        return 1
    fi
    if [[ -z $_rekall_said && -n $last ]]; then
        print -rn -u2 -- "Nothing kept what it said. Run it again?  $last  [y/N] "
        read -r answer
        [[ $answer == [yY]* ]] || return 1
        rk eval "$last"
        return
    fi
    _rekall_ask
}

_rekall_shown() {
    if [[ -n $TMUX ]]; then
        tmux capture-pane -p -J -S -200 2>/dev/null | command rekall __screen "=$1"
    elif [[ -n $KITTY_WINDOW_ID ]]; then
        kitty @ get-text --extent last_cmd_output 2>/dev/null
    fi
}

_rekall_ask() {
    print -r -- "$_rekall_said" | command rekall search --min likely --limit 3 -
}
