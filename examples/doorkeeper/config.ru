require_relative "boot"
run Platform::Application
