# rekall in zsh: completion, and a key that searches what is on the line.

_rekall_complete() {
    local -a answer open open_shown whole whole_shown
    local kind value said after
    answer=("${(@f)$(command rekall __complete zsh "${(@Q)words[2,CURRENT-1]}" "=${(Q)PREFIX}" 2>/dev/null)}")
    kind=$answer[1]
    shift answer
    if [[ $kind == (files|folders) && $PREFIX == --*=* ]]; then
        compset -P '*='
    fi
    case $kind in
        files) _files; return ;;
        folders) _files -/; return ;;
    esac
    for value said after in "${(@)answer}"; do
        [[ $said == - ]] && said= || said="  -- $said"
        if [[ $after == open ]]; then
            open+=("$value")
            open_shown+=("$value$said")
        else
            whole+=("$value")
            whole_shown+=("$value$said")
        fi
    done
    if [[ $kind == found ]]; then # ids that were found by their titles begin otherwise than what was typed
        compadd -U -V rekall -l -d whole_shown -a whole
        (( $#whole > 1 )) && compstate[insert]=menu
    else
        (( $#open )) && compadd -S '' -V rekall-open -l -d open_shown -a open
        (( $#whole )) && compadd -V rekall -l -d whole_shown -a whole
    fi
    (( $#open + $#whole ))
}

if ! (( $+functions[compdef] )); then
    autoload -Uz compinit && compinit
fi
compdef _rekall_complete rekall

_rekall_pick() {
    local line
    line=$(command rekall __insert "=$BUFFER" </dev/tty)
    if [[ -n $line ]]; then
        BUFFER=$line
        CURSOR=$#BUFFER
    fi
    zle reset-prompt
}
[[ -o zle ]] && zle -N _rekall_pick
