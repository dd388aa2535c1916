extension Watchdog {
  /// POSIX shell, so that no helper program has to be found. $1 is the owner's process id (for people who look at `ps`), $2 the log,
  /// $3 where the next start looks for what was left.
  ///
  /// A background list gets /dev/null as its standard input, hence the detour over descriptor 3.
  static let script = #"""
    exec 3<&0
    (
    trap '' HUP INT QUIT TERM PIPE
    label=com.docker.compose.project
    projects= entries= engines= word=$3

    # Whether process $1 is still the one that started at $2: ids are used again.
    is_same() {
      if [ -r /proc/self/stat ]; then
        mark=$(cat "/proc/$1/stat" 2>/dev/null) || return 1
        mark=${mark##*) }
        set -- $2 $mark
        [ "$1" = "${21}" ]
      else
        mark=$(LC_ALL=C ps -o lstart= -p "$1" 2>/dev/null | awk '{$1=$1; gsub(" ", "_"); print}')
        [ -n "$mark" ] && [ "$mark" = "$2" ]
      fi
    }

    without() {
      dropped=$1 kept=
      shift
      for item; do [ "$item" = "$dropped" ] || kept="$kept $item"; done
      echo "$kept"
    }

    # Calls the program of engine $1, in the environment that leads it there. What is read is data: nothing of it is evaluated.
    call() (
      key=$1 program=
      shift
      while read -r name verb variable value; do
        [ "$name" = "$key" ] || continue
        case $verb in
          program) program=$variable${value:+ $value} ;;
          set) export "$variable=$value" ;;
          unset) unset "$variable" ;;
        esac
      done <<END
    $engines
    END
      exec "$program" "$@"
    )

    while read -r verb name mark; do
      case $verb in
        engine)
          case $engines in
            *"$name $mark"*) ;;
            *) engines="$engines
    $name $mark" ;;
          esac ;;
        project) projects="$projects $name" ;;
        removed) projects=$(without "$name" $projects) ;;
        command|process) entries="$entries $verb:$name:$mark" ;;
        ended) entries=$(without "process:$name:$mark" $(without "command:$name:$mark" $entries)) ;;
      esac
    done

    # End of file: the owner is gone. First end what could still create things, then remove what there is.
    busy=
    for entry in $entries; do
      kind=${entry%%:*} rest=${entry#*:}
      pid=${rest%%:*} mark=${rest#*:}
      is_same "$pid" "$mark" || continue
      echo "ending $kind $pid"
      if [ "$kind" = command ]; then busy=1; kill -KILL -"$pid" || kill -KILL "$pid"
      else kill -KILL "$pid"; fi
    done
    [ -n "$projects" ] || exit 0

    # $1: the engine, $2: what lists the ids, $3: what removes them. The engine not answering counts as something left.
    remove() {
      ids=$(call "$1" $2) || { left=1 away=1; return 1; }
      [ -n "$ids" ] || return 0
      left=1
      echo "$1: $3" $ids
      call "$1" $3 $ids
      return 0
    }

    # Removes what is left on engine $1. A call to one that is away may take minutes to fail: one is enough to know.
    clear_engine() {
      quiet=0 round=0 needed=1 away= end=$(($(date +%s) + 90))
      [ -z "$busy" ] || needed=3
      while [ $quiet -lt $needed ] && [ $round -lt 60 ] && [ "$(date +%s)" -lt $end ]; do
        left= away= round=$((round + 1))
        for item in $projects; do
          [ "${item%%/*}" = "$1" ] || continue
          project=${item#*/}
          by="--filter label=$label=$project"
          remove "$1" "ps --all --quiet --no-trunc $by" "rm --force --volumes" &&
            remove "$1" "network ls --quiet --no-trunc $by" "network rm" &&
            remove "$1" "volume ls --quiet $by" "volume rm --force" || break
          for tag in "$project-*" "$project""_*"; do
            remove "$1" "image ls --format {{.Repository}}:{{.Tag}} --filter reference=$tag" "image rm --force" || break
          done
        done
        if [ -z "$left" ]; then quiet=$((quiet + 1)); else quiet=0; fi
        [ $quiet -ge $needed ] || sleep 1
      done
      [ -n "$left" ] || return 0
      echo "gave up: $1: $projects"
      [ -z "$away" ] || leave_word "$1"
    }

    # For the next start, in folder $word, which nobody else may write to.
    leave_word() {
      umask 077
      mkdir -p "$word" && [ -O "$word" ] && [ ! -h "$word" ] || return 0
      while read -r name line; do [ "$name" != "$1" ] || echo "$line"; done <<END >>"$word/$1"
    $engines
    END
      for item in $projects; do
        [ "${item%%/*}" != "$1" ] || echo "project ${item#*/}" >>"$word/$1"
      done
    }

    # All at once: one that is away keeps nobody waiting.
    for on in $(for item in $projects; do echo "${item%%/*}"; done | sort -u); do clear_engine "$on" & done
    wait
    ) <&3 >>"$2" 2>&1 &
    """#
}
