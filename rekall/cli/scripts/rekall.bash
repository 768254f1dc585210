# rekall in bash 3.2 and later: completion, and a key that searches what is on the line.

_rekall_complete() {
    local answer line kind
    COMPREPLY=()
    answer=$(command rekall __complete bash "${COMP_LINE:0:COMP_POINT}" "$COMP_WORDBREAKS" "${COMP_TYPE-}" 2>/dev/null) || return 0
    while IFS= read -r line; do
        if [ -z "${kind-}" ]; then
            kind=$line
        elif [ -n "$line" ]; then
            COMPREPLY[${#COMPREPLY[@]}]=$line
        fi
    done <<< "$answer"
    if type compopt >/dev/null 2>&1; then
        case $kind in
            files) compopt -o default ;;
            folders) compopt -o dirnames ;;
            open) compopt -o nospace ;;
        esac
        compopt -o nosort 2>/dev/null
    fi
    return 0
}

if type compopt >/dev/null 2>&1; then
    complete -F _rekall_complete rekall
else # bash 3.2 cannot be told later what else to offer
    complete -o default -F _rekall_complete rekall
fi

_rekall_pick() {
    local line
    line=$(command rekall __insert "=$READLINE_LINE") || return 0
    if [ -n "$line" ]; then
        READLINE_LINE=$line
        READLINE_POINT=${#line}
    fi
}
