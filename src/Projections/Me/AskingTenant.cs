using CCGate.Hosting.Configuration;
using CCGate.Hosting.Operators;
using CCGate.Hosting.Tenants;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.HttpResults;

namespace CCGate.Projections.Me;

/// <summary>Finds the tenant that the policy let pass.</summary>
internal sealed class AskingTenant(ConfigSource config) : IEndpointFilter
{
    public async ValueTask<object?> InvokeAsync(EndpointFilterInvocationContext context, EndpointFilterDelegate next)
    {
        if (Find(context.HttpContext) is not { } found)
        {
            return Unauthorized("The key that this was signed in with is not the tenant's any more.");
        }

        context.HttpContext.Items[typeof(TenantKey)] = found;
        context.HttpContext.Response.Headers.CacheControl = "no-store";
        return await next(context);
    }

    /// <summary>Who asks; only behind this filter.</summary>
    public static TenantKey Of(HttpContext http) => (TenantKey)http.Items[typeof(TenantKey)]!;

    /// <summary>What was signed in to may have been taken away since.</summary>
    private TenantKey? Find(HttpContext http)
    {
        var (id, key) = (http.User.FindFirst(Caller.TenantClaim)?.Value, http.User.FindFirst(Caller.KeyClaim)?.Value);
        return id is not null && config.Current.FindTenant(id) is { } tenant && tenant.Keys.FirstOrDefault(known => known.Id == key) is { } named
            ? new TenantKey(tenant, named)
            : null;
    }

    private static ProblemHttpResult Unauthorized(string detail) => TypedResults.Problem(detail, statusCode: StatusCodes.Status401Unauthorized);
}
