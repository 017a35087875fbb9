#!/bin/sh
# Starts the platform in the foreground on 127.0.0.1:${PORT:-3000}; Ctrl-C stops it. README.md names the settings.
set -eu
cd "$(dirname "$0")"
export RAILS_ENV=production RACK_ENV=production
exec puma -q -C puma.rb config.ru
