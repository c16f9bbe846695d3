using Microsoft.AspNetCore.Authorization;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;

namespace CCGate.Hosting.Operators;

/// <summary>Who may ask what under <c>/api</c>.</summary>
internal static class OperatorPolicies
{
    public const string Scheme = "ccgate";

    /// <summary>The operator, or a token of either scope.</summary>
    public const string OperatorRead = "OperatorRead";

    /// <summary>The operator, or a token with the scope <c>admin</c>.</summary>
    public const string OperatorAdmin = "OperatorAdmin";

    /// <summary>A tenant, with one of its keys or a session that one began.</summary>
    public const string Tenant = "Tenant";

    /// <summary>Whoever is somebody here.</summary>
    public const string Anyone = "Anyone";

    public static void AddTo(AuthorizationOptions options)
    {
        options.AddPolicy(OperatorRead, policy => policy.AddAuthenticationSchemes(Scheme).RequireRole(Caller.OperatorRole));
        options.AddPolicy(OperatorAdmin, policy => policy.AddAuthenticationSchemes(Scheme).RequireRole(Caller.OperatorRole).RequireClaim(Caller.ScopeClaim, Caller.AdminScope));
        options.AddPolicy(Tenant, policy => policy.AddAuthenticationSchemes(Scheme).RequireRole(Caller.TenantRole));
        options.AddPolicy(Anyone, policy => policy.AddAuthenticationSchemes(Scheme).RequireAuthenticatedUser());
    }

    /// <summary>A group in which reading needs <see cref="OperatorRead"/> and everything else <see cref="OperatorAdmin"/>, unless an endpoint says otherwise itself.</summary>
    public static RouteGroupBuilder MapOperatorGroup(this IEndpointRouteBuilder endpoints, string prefix)
    {
        var group = endpoints.MapGroup(prefix);
        ((IEndpointConventionBuilder)group).Finally(static endpoint =>
        {
            if (endpoint.Metadata.Any(static known => known is IAuthorizeData or IAllowAnonymous))
            {
                return;
            }

            var methods = endpoint.Metadata.OfType<IHttpMethodMetadata>().LastOrDefault()?.HttpMethods ?? [];
            var isRead = methods.Count > 0 && methods.All(static method => HttpMethods.IsGet(method) || HttpMethods.IsHead(method));
            endpoint.Metadata.Add(new AuthorizeAttribute(isRead ? OperatorRead : OperatorAdmin));
        });
        return group;
    }
}
