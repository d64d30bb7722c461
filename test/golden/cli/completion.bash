_mesg() {
  local word="${COMP_WORDS[COMP_CWORD]}"
  COMPREPLY=()
  if [ "$COMP_CWORD" -eq 1 ]; then
    COMPREPLY=($(compgen -W "start init restore upgrade uninstall service completion man status stop doctor logs backup config event execution token app network account stake transfer market" -- "$word"))
    return
  fi
  if [ "$COMP_CWORD" -eq 2 ] && [ "${word#-}" = "$word" ]; then
    case "${COMP_WORDS[1]}" in
      service) COMPREPLY=($(compgen -W "new test validate list show add remove configure call" -- "$word")); return ;;
      config) COMPREPLY=($(compgen -W "show set unset" -- "$word")); return ;;
      event) COMPREPLY=($(compgen -W "tail emit refused" -- "$word")); return ;;
      execution) COMPREPLY=($(compgen -W "watch list show cancel retry" -- "$word")); return ;;
      token) COMPREPLY=($(compgen -W "list create revoke" -- "$word")); return ;;
      app) COMPREPLY=($(compgen -W "validate dry-run deploy list show export pause resume remove run" -- "$word")); return ;;
      network) COMPREPLY=($(compgen -W "status blocks validators join init genesis leave enrolment approve change submit tx" -- "$word")); return ;;
      account) COMPREPLY=($(compgen -W "list show create import export" -- "$word")); return ;;
      stake) COMPREPLY=($(compgen -W "show bond delegate unbond claim unjail rotate" -- "$word")); return ;;
      market) COMPREPLY=($(compgen -W "show" -- "$word")); return ;;
    esac
  fi
  if [ "${word#-}" = "$word" ]; then
    COMPREPLY=($(compgen -f -- "$word"))
    return
  fi
  case "${COMP_WORDS[1]} ${COMP_WORDS[2]} " in
    "start"*) COMPREPLY=($(compgen -W "--set --node-red --safe --json --home --help" -- "$word")) ;;
    "init"*) COMPREPLY=($(compgen -W "--json --home --help" -- "$word")) ;;
    "restore"*) COMPREPLY=($(compgen -W "--dry-run --force --passphrase-file --without-keys --json --home --help" -- "$word")) ;;
    "upgrade"*) COMPREPLY=($(compgen -W "--from --allow-older --dry-run --json --home --help" -- "$word")) ;;
    "uninstall"*) COMPREPLY=($(compgen -W "--purge --dry-run --json --home --help" -- "$word")) ;;
    "service new"*) COMPREPLY=($(compgen -W "--id --language --json --home --help" -- "$word")) ;;
    "service test"*) COMPREPLY=($(compgen -W "--json --home --help" -- "$word")) ;;
    "service validate"*) COMPREPLY=($(compgen -W "--json --home --help" -- "$word")) ;;
    "completion"*) COMPREPLY=($(compgen -W "--json --home --help" -- "$word")) ;;
    "man"*) COMPREPLY=($(compgen -W "--json --home --help" -- "$word")) ;;
    "status"*) COMPREPLY=($(compgen -W "--json --home --help" -- "$word")) ;;
    "stop"*) COMPREPLY=($(compgen -W "--json --home --help" -- "$word")) ;;
    "doctor"*) COMPREPLY=($(compgen -W "--security --json --home --help" -- "$word")) ;;
    "logs"*) COMPREPLY=($(compgen -W "--follow --limit --level --json --home --help" -- "$word")) ;;
    "backup"*) COMPREPLY=($(compgen -W "--on-gateway --passphrase-file --json --home --help" -- "$word")) ;;
    "config show"*) COMPREPLY=($(compgen -W "--json --home --help" -- "$word")) ;;
    "config set"*) COMPREPLY=($(compgen -W "--json --home --help" -- "$word")) ;;
    "config unset"*) COMPREPLY=($(compgen -W "--json --home --help" -- "$word")) ;;
    "event tail"*) COMPREPLY=($(compgen -W "--refused --service --json --home --help" -- "$word")) ;;
    "execution watch"*) COMPREPLY=($(compgen -W "--json --home --help" -- "$word")) ;;
    "token list"*) COMPREPLY=($(compgen -W "--limit --cursor --json --home --help" -- "$word")) ;;
    "token create"*) COMPREPLY=($(compgen -W "--scope --service --topics --name --json --home --help" -- "$word")) ;;
    "token revoke"*) COMPREPLY=($(compgen -W "--json --home --help" -- "$word")) ;;
    "service list"*) COMPREPLY=($(compgen -W "--limit --cursor --json --home --help" -- "$word")) ;;
    "service show"*) COMPREPLY=($(compgen -W "--json --home --help" -- "$word")) ;;
    "service add"*) COMPREPLY=($(compgen -W "--trust --network-any --config --json --home --help" -- "$word")) ;;
    "service remove"*) COMPREPLY=($(compgen -W "--json --home --help" -- "$word")) ;;
    "service configure"*) COMPREPLY=($(compgen -W "--config --json --home --help" -- "$word")) ;;
    "service call"*) COMPREPLY=($(compgen -W "--inputs --wait --json --home --help" -- "$word")) ;;
    "event emit"*) COMPREPLY=($(compgen -W "--data --id --json --home --help" -- "$word")) ;;
    "event refused"*) COMPREPLY=($(compgen -W "--limit --cursor --json --home --help" -- "$word")) ;;
    "app validate"*) COMPREPLY=($(compgen -W "--json --home --help" -- "$word")) ;;
    "app dry-run"*) COMPREPLY=($(compgen -W "--config --workflow --data --outcomes --json --home --help" -- "$word")) ;;
    "app deploy"*) COMPREPLY=($(compgen -W "--config --json --home --help" -- "$word")) ;;
    "app list"*) COMPREPLY=($(compgen -W "--limit --cursor --json --home --help" -- "$word")) ;;
    "app show"*) COMPREPLY=($(compgen -W "--json --home --help" -- "$word")) ;;
    "app export"*) COMPREPLY=($(compgen -W "--json --home --help" -- "$word")) ;;
    "app pause"*) COMPREPLY=($(compgen -W "--json --home --help" -- "$word")) ;;
    "app resume"*) COMPREPLY=($(compgen -W "--json --home --help" -- "$word")) ;;
    "app remove"*) COMPREPLY=($(compgen -W "--json --home --help" -- "$word")) ;;
    "app run"*) COMPREPLY=($(compgen -W "--workflow --data --json --home --help" -- "$word")) ;;
    "execution list"*) COMPREPLY=($(compgen -W "--app --status --since --limit --cursor --json --home --help" -- "$word")) ;;
    "execution show"*) COMPREPLY=($(compgen -W "--json --home --help" -- "$word")) ;;
    "execution cancel"*) COMPREPLY=($(compgen -W "--json --home --help" -- "$word")) ;;
    "execution retry"*) COMPREPLY=($(compgen -W "--json --home --help" -- "$word")) ;;
    "network status"*) COMPREPLY=($(compgen -W "--json --home --help" -- "$word")) ;;
    "network blocks"*) COMPREPLY=($(compgen -W "--limit --cursor --json --home --help" -- "$word")) ;;
    "network validators"*) COMPREPLY=($(compgen -W "--json --home --help" -- "$word")) ;;
    "network join"*) COMPREPLY=($(compgen -W "--json --home --help" -- "$word")) ;;
    "network init"*) COMPREPLY=($(compgen -W "--account --balance --stake --json --home --help" -- "$word")) ;;
    "network genesis"*) COMPREPLY=($(compgen -W "--json --home --help" -- "$word")) ;;
    "network leave"*) COMPREPLY=($(compgen -W "--force --json --home --help" -- "$word")) ;;
    "network enrolment"*) COMPREPLY=($(compgen -W "--account --json --home --help" -- "$word")) ;;
    "network approve"*) COMPREPLY=($(compgen -W "--json --home --help" -- "$word")) ;;
    "account list"*) COMPREPLY=($(compgen -W "--json --home --help" -- "$word")) ;;
    "account show"*) COMPREPLY=($(compgen -W "--json --home --help" -- "$word")) ;;
    "account create"*) COMPREPLY=($(compgen -W "--json --home --help" -- "$word")) ;;
    "account import"*) COMPREPLY=($(compgen -W "--json --home --help" -- "$word")) ;;
    "account export"*) COMPREPLY=($(compgen -W "--json --home --help" -- "$word")) ;;
    "stake show"*) COMPREPLY=($(compgen -W "--json --home --help" -- "$word")) ;;
    "transfer"*) COMPREPLY=($(compgen -W "--from --payer --fee-limit --json --home --help" -- "$word")) ;;
    "stake bond"*) COMPREPLY=($(compgen -W "--from --payer --fee-limit --json --home --help" -- "$word")) ;;
    "stake delegate"*) COMPREPLY=($(compgen -W "--from --payer --fee-limit --json --home --help" -- "$word")) ;;
    "stake unbond"*) COMPREPLY=($(compgen -W "--from --payer --fee-limit --json --home --help" -- "$word")) ;;
    "stake claim"*) COMPREPLY=($(compgen -W "--from --payer --fee-limit --json --home --help" -- "$word")) ;;
    "stake unjail"*) COMPREPLY=($(compgen -W "--from --payer --fee-limit --json --home --help" -- "$word")) ;;
    "stake rotate"*) COMPREPLY=($(compgen -W "--from --payer --fee-limit --json --home --help" -- "$word")) ;;
    "network change"*) COMPREPLY=($(compgen -W "--from --payer --fee-limit --json --home --help" -- "$word")) ;;
    "network submit"*) COMPREPLY=($(compgen -W "--json --home --help" -- "$word")) ;;
    "network tx"*) COMPREPLY=($(compgen -W "--json --home --help" -- "$word")) ;;
    "market show"*) COMPREPLY=($(compgen -W "--limit --cursor --json --home --help" -- "$word")) ;;
  esac
}
complete -o filenames -F _mesg mesg
