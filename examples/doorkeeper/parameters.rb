# frozen_string_literal: true

# Reads requests, one JSON object per line, as Rails does, and prints the parameters of each, or why there are none.
require 'json'
require 'base64'
require 'stringio'
require 'action_controller'

STDIN.each_line do |line|
  asked = JSON.parse(line)
  body = Base64.strict_decode64(asked['body'])
  env = {
    'REQUEST_METHOD' => asked['method'], 'QUERY_STRING' => asked['query'], 'CONTENT_LENGTH' => body.bytesize.to_s,
    'rack.input' => StringIO.new(body)
  }
  env['CONTENT_TYPE'] = asked['type'] if asked['type']
  answer = begin
    { parameters: ActionDispatch::Request.new(env).parameters.select { |_, value| value.is_a?(String) } }
  rescue StandardError, EOFError => e
    { refused: e.class.name }
  end
  begin
    puts JSON.generate(answer)
  rescue StandardError => e
    puts JSON.generate(refused: e.class.name)
  end
end
