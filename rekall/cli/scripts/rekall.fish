# rekall in fish: completion, and a key that searches what is on the line.

function __rekall_complete
    set -l words (commandline -opc)
    set -e words[1]
    set -l last (commandline -ct | string collect)
    set -l answer (command rekall __complete fish $words "=$last" 2>/dev/null)
    set -l kind $answer[1]
    set -e answer[1]
    switch "$kind"
        case files
            __fish_complete_path "$last"
        case folders
            __fish_complete_directories "$last"
        case '*'
            printf '%s\n' $answer
    end
end

complete --command rekall --no-files --keep-order --arguments '(__rekall_complete)'

function __rekall_pick
    set -l before (commandline | string collect)
    set -l line (command rekall __insert "=$before" | string collect)
    if test -n "$line"
        commandline --replace -- $line
    end
    commandline -f repaint
end
