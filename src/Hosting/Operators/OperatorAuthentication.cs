using System.Text;
using CCGate.Hosting.Configuration;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.HttpResults;

namespace CCGate.Hosting.Operators;

/// <summary>Lets only the operator pass, by <c>Authorization: Basic</c> against the configured name and password.</summary>
internal sealed class OperatorAuthentication(ConfigSource config) : IEndpointFilter
{
    private const string Scheme = "Basic ";

    public async ValueTask<object?> InvokeAsync(EndpointFilterInvocationContext context, EndpointFilterDelegate next)
    {
        if (config.Current.Admin is null)
        {
            return Unauthorized(context.HttpContext, "There is no operator: set 'admin' with 'username' and 'password' in server.json.");
        }

        return Read(context.HttpContext.Request) is (var username, var password) && IsOperator(username, password)
            ? await next(context)
            : Unauthorized(context.HttpContext, "Send 'Authorization: Basic' with the username and password of 'admin' in server.json.");
    }

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

    private static (string Username, string Password)? Read(HttpRequest request)
    {
        var header = request.Headers.Authorization.ToString();
        if (!header.StartsWith(Scheme, StringComparison.OrdinalIgnoreCase))
        {
            return null;
        }

        var decoded = new byte[header.Length];
        if (!Convert.TryFromBase64String(header[Scheme.Length..].Trim(), decoded, out var length))
        {
            return null;
        }

        var pair = Encoding.UTF8.GetString(decoded, 0, length);
        var colon = pair.IndexOf(':', StringComparison.Ordinal);
        return colon < 0 ? null : (pair[..colon], pair[(colon + 1)..]);
    }

    private static ProblemHttpResult Unauthorized(HttpContext http, string detail)
    {
        http.Response.Headers.WWWAuthenticate = "Basic realm=\"ccgate\", charset=\"UTF-8\"";
        return TypedResults.Problem(detail, statusCode: StatusCodes.Status401Unauthorized);
    }
}
