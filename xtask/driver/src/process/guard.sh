# Waits for the end of xtask, and then ends what it left running. See the documentation of `driver::process`.
# It reads lines: `+ WORD` and `- WORD`. A word is the number of a process group, or `p` and the inode of the pipe that
# a command writes to.
trap '' INT TERM HUP
live=' '
while read -r change word; do
    case $change in
    +) live="$live$word " ;;
    -) live="${live%%" $word "*} ${live#*" $word "}" ;;
    esac
done
[ "$live" = ' ' ] && exit 0

targets=
for word in $live; do
    case $word in
    p*) ;;
    *) targets="$targets -$word" ;;
    esac
done
send() {
    for target in $targets; do kill -s "$1" -- "$target"; done
}
anybody() {
    for target in $targets; do kill -s 0 -- "$target" && return 0; done
    return 1
}
# The groups first: looking around takes a moment.
send TERM
# A command whose group was not known yet, and what left its group, is found by the pipe it writes to (Linux).
for descriptor in /proc/[0-9]*/fd/1; do
    link=$(readlink "$descriptor") || continue
    inode=${link#pipe:?}
    case $live in
    *" p${inode%?} "*)
        process=${descriptor#/proc/}
        process=${process%%/*}
        # It may be a group's first process that has just started others.
        targets="$targets $process -$process"
        ;;
    esac
done
send TERM
send CONT
tenths=50
while [ "$tenths" -gt 0 ] && anybody; do
    sleep 0.1
    tenths=$((tenths - 1))
done
send KILL
