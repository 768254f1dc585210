# For scripts that make an environment step by step in $FOLDER: a step that was done is not done again.

# The step's name is the mark that it was done. (Not `step || ...`: that would let it go on after a command that failed.)
once() {
    [ ! -e "$FOLDER/done/$1" ] || return 0
    echo "== $1, see $FOLDER/$1.log"
    ("$1") >"$FOLDER/$1.log" 2>&1
    mkdir -p "$FOLDER/done" && touch "$FOLDER/done/$1"
}
