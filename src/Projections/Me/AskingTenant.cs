using CCGate.Hosting.Configuration;
using CCGate.Hosting.Tenants;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.HttpResults;

namespace CCGate.Projections.Me;

/// <summary>Lets only tenants pass: who is signed in as one, or sends a key.</summary>
internal sealed class AskingTenant(ConfigSource config, TenantDirectory tenants) : IEndpointFilter
{
    public async ValueTask<object?> InvokeAsync(EndpointFilterInvocationContext context, EndpointFilterDelegate next)
    {
        if (Find(context.HttpContext) is not { } found)
        {
            return Unauthorized("Send the key of a tenant, in any of the forms the gateway takes it in.");
        }

        if (!found.Tenant.Enabled)
        {
            return Unauthorized("The tenant of this key is disabled.");
        }

        context.HttpContext.Items[typeof(TenantKey)] = found;
        context.HttpContext.Response.Headers.CacheControl = "no-store";
        return await next(context);
    }

    /// <summary>Who asks; only behind this filter.</summary>
    public static TenantKey Of(HttpContext http) => (TenantKey)http.Items[typeof(TenantKey)]!;

    private TenantKey? Find(HttpContext http)
    {
        if (http.User.FindFirst("tenant")?.Value is { } id)
        {
            // What was signed in to may have been taken away since.
            var key = http.User.FindFirst("key")?.Value;
            return config.Current.Tenants.FirstOrDefault(tenant => tenant.Id == id) is { } tenant && tenant.Keys.FirstOrDefault(known => known.Id == key) is { } named
                ? new TenantKey(tenant, named)
                : null;
        }

        return Credential.Read(http.Request).Key is { Length: > 0 } secret ? tenants.Find(secret) : null;
    }

    private static ProblemHttpResult Unauthorized(string detail) => TypedResults.Problem(detail, statusCode: StatusCodes.Status401Unauthorized);
}
