class BaseController < ActionController::Base
  protect_from_forgery with: :exception
  layout "platform"
  helper_method :current_user

  def current_user
    @current_user ||= session[:user_id] && User.find_by(id: session[:user_id], blocked_at: nil)
  end
end

class SessionsController < BaseController
  include Iam::LoginChallenge # hand-off

  def new
    begin_iam_login # hand-off: shows the form if there is no challenge, or if the challenge requires it
  end

  def create
    given = params[:user].respond_to?(:permit) ? params.require(:user).permit(:login, :password) : {}
    user = User.authenticate(given[:login], given[:password])
    if user.nil?
      flash.now[:alert] = "Invalid login or password."
      return render :new
    end
    begin_session(user)
    redirect_to @return_to || "/" unless finish_iam_login # hand-off
  end

  def destroy
    reset_session
    redirect_to "/users/sign_in"
  end

  def home
    said = flash[:alert]
    render plain: [said, current_user ? "signed in as #{current_user.username}" : "signed out"].compact.join("\n")
  end

  private

  def begin_session(user)
    @return_to = session[:user_return_to]
    reset_session
    session[:user_id] = user.id
    user.update!(current_sign_in_at: Time.now.utc)
    @current_user = user
  end
end

# Manages applications. Doorkeeper has such pages too; these show what matters here: that a change made by the
# platform's own code reaches IAM automatically.
class ApplicationsController < BaseController
  before_action { redirect_to "/users/sign_in" unless current_user }

  def index
    @applications = Doorkeeper::Application.order(:id)
  end

  def create
    Doorkeeper::Application.create!(fields)
    redirect_to applications_path
  end

  def update
    Doorkeeper::Application.find(params[:id]).update!(fields)
    redirect_to applications_path
  end

  def destroy
    Doorkeeper::Application.find(params[:id]).destroy!
    redirect_to applications_path
  end

  private

  def fields
    params.require(:application).permit(:name, :redirect_uri, :scopes, :confidential)
  end
end

# The administrator's page for users.
class UsersController < BaseController
  before_action { head :not_found unless current_user&.admin }
  before_action(except: :index) { @user = User.find(params[:id]) }

  def index
    @users = User.order(:id)
  end

  def update
    @user.update!(params.require(:user).permit(:name, :email))
    redirect_to users_path
  end

  def block
    @user.block!
    redirect_to users_path
  end

  def unblock
    @user.unblock!
    redirect_to users_path
  end

  def sign_out
    @user.sign_out_everywhere!
    redirect_to users_path
  end

  def destroy
    @user.destroy!
    redirect_to users_path
  end
end

class CurrentUserController < ActionController::API
  include Iam::AccessTokens # hand-off

  before_action -> { authorize_token! :api, :read_api, :read_user } # hand-off: was doorkeeper_authorize!

  def show
    user = token_user or return head(:not_found)
    render json: { id: user.id, username: user.username, name: user.name, email: user.email }
  end
end
