class ApplicationRecord < ActiveRecord::Base
  self.abstract_class = true
end

class User < ApplicationRecord
  # Compared even when there is no such user, so that the time of the answer does not tell.
  NOBODY = BCrypt::Password.create(SecureRandom.hex, cost: 4).freeze

  def self.authenticate(username, password)
    user = find_by(username: username.to_s)
    matches = BCrypt::Password.new(user ? user.password_digest : NOBODY) == password.to_s
    user if user && matches
  end
end
