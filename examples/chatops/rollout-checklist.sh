#!/bin/sh
# Carries out the commands of the rollout checklist, in order and word for word, against a running control plane, and
# prints what each answered. For trying it out: the waits between the steps are left out, and in the end everything is off.
#
#   npm start &                                  # in another terminal
#   examples/chatops/rollout-checklist.sh 1      # the id of an application
#
# Control plane and token are found as by every command: HANDOVER_CONTROL_URL, HANDOVER_TOKEN_FILE.
set -eu
application=${1:?name an application by its id}
flag=${2:-proxy_oauth_requests_to_iam_service}
handover=$(dirname "$0")/../../bin/handover
elsewhere='--dev --pre --staging --staging-ref'
failed=0

run() {
  printf '\n> /chatops gitlab run %s\n' "$*"
  "$handover" chatops "/chatops gitlab run $*" || failed=$((failed + 1))
}

echo '# What runs where'
run auto_deploy status

printf '\n# Outside of production\n'
run feature set "--actors=Authn::OauthApplication:$application" "$flag" true $elsewhere
run feature set "$flag" 50 --actors $elsewhere
run feature set "$flag" true $elsewhere
run feature get "$flag" $elsewhere

printf '\n# Production: one application, then shares of all\n'
run feature set "$flag" true --dry-run
run feature set "--actors=Authn::OauthApplication:$application" "$flag" true
for percentage in 1 10 25 50 75 100; do
  run feature set "$flag" "$percentage" --actors
done
run feature get "$flag"

printf '\n# The way back, production first\n'
run feature set "$flag" false
run feature set "$flag" false $elsewhere
run feature delete "$flag" $elsewhere --production

printf '\n%s commands were refused\n' "$failed"
[ "$failed" -eq 0 ]
