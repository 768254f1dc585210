
# rk COMMAND ... runs a command, keeps what it says on stderr, and searches that when it fails.
function rk
    if test (count $argv) -eq 0
        rk!
        return
    end
    set -l base /tmp
    set -q TMPDIR; and set base $TMPDIR
    set -l file (mktemp "$base/rekall.XXXXXX"); or return
    eval (string escape -- $argv | string join ' ') 2>| tee "$file" >&2
    set -l code $pipestatus[1]
    set -g __rekall_said (tail -c 4000 "$file" | string collect)
    command rm -f "$file"
    if test $code -ne 0; and test -n "$__rekall_said"
        __rekall_ask
    end
    return $code
end

# rk! searches what the last command said: what rk kept of it, what tmux or kitty still shows, else it asks to run it again.
function rk!
    set -l last $history[1]
    if not string match -q 'rk *' -- "$last"
        set -g __rekall_said (__rekall_shown "$last" | string collect)
    else if test -z "$__rekall_said"
        echo 'It said nothing on stderr.' >&2
        return 1
    end
    if test -z "$__rekall_said"; and test -n "$last"
        read -l -P "Nothing kept what it said. Run it again?  $last  [y/N] " answer
        string match -qi 'y*' -- "$answer"; or return 1
        rk eval "$last"
        return
    end
    __rekall_ask
end

function __rekall_shown
    if set -q TMUX
        tmux capture-pane -p -J -S -200 2>/dev/null | command rekall __screen "=$argv[1]"
    else if set -q KITTY_WINDOW_ID
        kitty @ get-text --extent last_cmd_output 2>/dev/null
    end
end

function __rekall_ask
    printf '%s\n' "$__rekall_said" | command rekall search --min likely --limit 3 -
end
