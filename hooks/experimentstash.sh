# The shared part of ExperimentStash's hooks. Each hook sources this file with its type in $hook. The type cannot be
# read from $0: pre-commit and prek rename an existing hook to <type>.legacy and run it under that name.
#
# Runs the former hook first, if there is one. Then, if $judges is yes, runs the hook in Python.
# For any POSIX shell: dash, busybox, the bash 3.2 of macOS. It calls git only once, since a hook runs at every commit.

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
    earlier_code=0
    run_earlier "$@"
    if [ "$hook" = post-checkout ]; then
        # Git passes 0 when it checks out files only: the pins of the commit stay what they were. The exit code becomes
        # that of `git checkout`, which has succeeded, so only the user's own hook decides it.
        [ "${3-}" = 0 ] || (judge "$@")
        exit "$earlier_code"
    fi
    [ -n "$input" ] || judge "$@"
    printf %s "${input%.}" | judge "$@"
    exit
}

# Sets $python, and $former: the directory that core.hooksPath named before it named this one. `experimentstash install`
# recorded the repository's own value. Without one, it is the value in the user's configuration, or git's default.
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

# Git runs only executable hooks.
is_hook() {
    [ -f "$1" ] && [ -x "$1" ]
}

run_earlier() {
    for earlier in "$own/$hook.before-experimentstash" ${former:+"$former/$hook"}; do
        is_hook "$earlier" || continue
        case $hook in
            pre-push | post-rewrite | pre-receive)
                [ -n "$input" ] || input=$(cat && echo .) # the dot keeps trailing line breaks
                printf %s "${input%.}" 2>/dev/null | "$earlier" "$@"
                ;;
            *) "$earlier" "$@" ;;
        esac
        code=$?
        case $hook in
            pre-*) [ "$code" -eq 0 ] || exit "$code" ;;
            *) [ "$code" -eq 0 ] || earlier_code=$code ;;
        esac
    done
}

judge() {
    exclude_working_tree
    if [ -z "$python" ]; then
        command -v experimentstash-hook >/dev/null ||
            fail 'git config names no experimentstash.python, and experimentstash-hook is not on the PATH'
        exec experimentstash-hook "$hook" "$@"
    fi
    [ "${python#/}" != "$python" ] && is_hook "$python" || fail "its Python no longer exists: $python"
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

# Keeps Python from importing files of the working tree, which come with the stash and could be named yaml.py or
# sitecustomize.py. `python -c` looks there first (the '' in its path). So does an empty or relative entry in the user's
# PYTHONPATH, or one that leads there. The tools that a hook starts get the user's own value back.
exclude_working_tree() {
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

# Resolves symlinks: the path may be written differently from that of the stash.
is_outside() {
    case $1 in /*) ;; *) return 1 ;; esac
    place=$1
    [ -d "$place" ] || place=${place%/*}/
    place=$(CDPATH='' cd -P -- "$place" 2>/dev/null && pwd -P) || place=$1
    case $place/ in "$tree"/* | "$main_tree"/*) return 1 ;; esac
}

# A hook that cannot judge says why and fails.
fail() {
    fix='experimentstash install'
    command -v experimentstash >/dev/null || fix="pip install experimentstash && $fix"
    printf 'experimentstash: the %s hook cannot judge: %s\n    fix: %s\n' "$hook" "$1" "$fix" >&2
    exit 1
}

main "$@"
