# What ExperimentStash's hooks have in common. Each sources this file with its own type in $hook: it cannot be read off
# $0, since pre-commit and prek rename a hook that they find to <type>.legacy and go on running it under that name.
#
# First runs the hook that stood here before, if there was one. Then, where $judges is yes, a Python takes over.
# For any POSIX shell: dash, busybox, the bash 3.2 of macOS. One call of git, since a hook runs at every commit.

own=${0%/*}
newline='
'

main() {
    read_settings
    if [ "$judges" != yes ]; then
        is_hook "$former/$hook" || exit 0
        exec "$former/$hook" "$@"
    fi
    input=''
    run_earlier "$@"
    [ -n "$input" ] || judge "$@"
    printf %s "${input%.}" | judge "$@"
    exit
}

# Sets $python, and $former: the folder of hooks that core.hooksPath led to before it led here. `experimentstash
# install` kept the repository's own value; without one it is what the user's configuration says today, or git's own.
read_settings() {
    python='' former='' outer='' leads_here='' is_kept=''
    settings=$(git config --type=path --get-regexp '^(experimentstash\.(python|hookspath)|core\.hookspath)$')
    set -f
    IFS=$newline
    for setting in $settings; do
        value=${setting#* }
        case $setting in
            core.hookspath\ *) if [ "$value" -ef "$own" ]; then leads_here=yes; else outer=$value; fi ;;
            experimentstash.hookspath\ *) former=$value is_kept=yes ;;
            experimentstash.python\ *) python=$value ;;
        esac
    done
    if [ "$leads_here$is_kept" = yesyes ]; then
        former=${former:-${outer:-$own/../../hooks}}
    else
        former=''
    fi
}

# Only what is executable is a hook: git's own rule.
is_hook() {
    [ -f "$1" ] && [ -x "$1" ]
}

run_earlier() {
    for earlier in "$own/$hook.before-experimentstash" ${former:+"$former/$hook"}; do
        is_hook "$earlier" || continue
        case $hook in
            pre-push | post-rewrite | pre-receive)
                [ -n "$input" ] || input=$(cat && echo .) # without the dot the last line breaks would be lost
                printf %s "${input%.}" 2>/dev/null | "$earlier" "$@"
                ;;
            *) "$earlier" "$@" ;;
        esac
        code=$?
        case $hook in pre-*) [ "$code" -eq 0 ] || exit "$code" ;; esac
    done
}

judge() {
    leave_working_folder_out
    if [ -z "$python" ]; then
        command -v experimentstash-hook >/dev/null ||
            fail 'git config names no experimentstash.python, and experimentstash-hook is not on the PATH'
        exec experimentstash-hook "$hook" "$@"
    fi
    [ "${python#/}" != "$python" ] && is_hook "$python" || fail "$python, the Python that it ran with, is gone"
    exec "$python" -c '
import sys
sys.path[:] = filter(None, sys.path)
try:
    from experimentstash.hooks.native import main
    code = main(sys.argv[1], sys.argv[2:])
except ImportError as error:
    what = f"the {sys.argv[1]} hook cannot judge: {sys.executable}: {error}"
    sys.exit(f"experimentstash: {what}\n    fix: pip install experimentstash && experimentstash install")
sys.exit(code)' "$hook" "$@"
}

# What lies in the working tree came with the stash, and could be named yaml.py or sitecustomize.py. `python -c` looks
# there first, which the '' in its path says; so would an empty or a relative entry in the user's PYTHONPATH, or one
# that leads there. The tools, which the hooks may start, get the user's own value again.
leave_working_folder_out() {
    case ${PYTHONPATH-}${PYTHONHOME-}${PYTHONUSERBASE-}${PYTHONPYCACHEPREFIX-} in '') return ;; esac
    tree=$(pwd -P)
    common=$(git rev-parse --git-common-dir)
    main_tree=$tree
    case $common in */.git) main_tree=$(CDPATH='' cd -P -- "${common%/.git}/" && pwd -P) ;; esac
    for name in PYTHONHOME PYTHONUSERBASE PYTHONPYCACHEPREFIX; do
        eval "value=\${$name-}"
        [ -z "$value" ] || is_outside "$value" || unset "$name"
    done
    kept=''
    IFS=:
    for entry in ${PYTHONPATH-}; do
        is_outside "$entry" && kept=$kept${kept:+:}$entry
    done
    [ "$kept" = "${PYTHONPATH-}" ] || export EXPERIMENTSTASH_PYTHONPATH="$PYTHONPATH" PYTHONPATH="$kept"
}

# Where a path leads, and not how it is written, tells whether it is part of the stash.
is_outside() {
    case $1 in /*) ;; *) return 1 ;; esac
    place=$1
    [ -d "$place" ] || place=${place%/*}/
    place=$(CDPATH='' cd -P -- "$place" 2>/dev/null && pwd -P) || place=$1
    case $place/ in "$tree"/* | "$main_tree"/*) return 1 ;; esac
}

# A hook that cannot judge says why and fails.
fail() {
    mend='experimentstash install'
    command -v experimentstash >/dev/null || mend="pip install experimentstash && $mend"
    printf 'experimentstash: the %s hook cannot judge: %s\n    fix: %s\n' "$hook" "$1" "$mend" >&2
    exit 1
}

main "$@"
