using CCGate.Hosting.Configuration;

namespace CCGate.Hosting.Operators;

/// <summary>Knows the operator by the configured name and password.</summary>
internal sealed class OperatorAuthentication(ConfigSource config)
{
    /// <summary>Both are always compared, and in constant time, so that the time taken does not tell which of them was wrong.</summary>
    public bool IsOperator(string username, string password)
    {
        if (config.Current.Admin is not { } admin)
        {
            return false;
        }

        var isName = SecretHash.Of(username) == SecretHash.Of(admin.Username);
        var isPassword = SecretHash.Of(password) == admin.Password;
        return isName & isPassword;
    }
}
