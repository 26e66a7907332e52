"""`path("auth/", include("drf_lanyard.urls"))`; names are in the namespace `lanyard`."""

from django.urls import path

from .rest import account, api_tokens, password, sign_in

app_name = "lanyard"

urlpatterns = [
    path("login/", sign_in.LoginView.as_view(), name="login"),
    path("refresh/", sign_in.RefreshView.as_view(), name="refresh"),
    path("logout/", sign_in.LogoutView.as_view(), name="logout"),
    path("logout/all/", sign_in.LogoutAllView.as_view(), name="logout-all"),
    path("logout/others/", sign_in.LogoutOthersView.as_view(), name="logout-others"),
    path("verify/", account.VerifyView.as_view(), name="verify"),
    path("me/", account.MeView.as_view(), name="me"),
    path("sessions/", account.SessionsView.as_view(), name="sessions"),
    path("sessions/<str:session_id>/", account.SessionView.as_view(), name="session"),
    path("api-tokens/", api_tokens.ApiTokensView.as_view(), name="api-tokens"),
    path("api-tokens/<str:token_id>/", api_tokens.ApiTokenView.as_view(), name="api-token"),
    path("obtain-token/", api_tokens.ObtainTokenView.as_view(), name="obtain-token"),
    path("password/change/", password.PasswordChangeView.as_view(), name="password-change"),
    path("password/reset/", password.PasswordResetView.as_view(), name="password-reset"),
    path("password/reset/confirm/", password.PasswordResetConfirmView.as_view(), name="password-reset-confirm"),
    path(".well-known/jwks.json", account.JwksView.as_view(), name="jwks"),
]
