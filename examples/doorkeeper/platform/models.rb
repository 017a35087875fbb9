class ApplicationRecord < ActiveRecord::Base
  self.abstract_class = true
end

class User < ApplicationRecord
  # Compared even if there is no such user, so that the response time does not reveal it.
  NOBODY = BCrypt::Password.create(SecureRandom.hex, cost: 4).freeze

  def self.authenticate(username, password)
    user = find_by(username: username.to_s)
    matches = BCrypt::Password.new(user ? user.password_digest : NOBODY) == password.to_s
    user if user && matches && user.blocked_at.nil?
  end

  def block!
    transaction do
      update!(blocked_at: Time.now.utc)
      revoke_tokens
    end
  end

  def unblock!
    update!(blocked_at: nil)
  end

  def sign_out_everywhere!
    transaction do
      end_iam_credentials # hand-off
      revoke_tokens
    end
  end

  before_destroy :revoke_tokens

  private

  # The tokens that Doorkeeper itself has issued.
  def revoke_tokens
    [Doorkeeper::AccessToken, Doorkeeper::AccessGrant].each do |model|
      model.where(resource_owner_id: id, revoked_at: nil).update_all(revoked_at: Time.now.utc)
    end
  end
end
