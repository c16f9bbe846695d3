using CCGate.Hosting.Tenants;
using CCGate.Proxy.Pipeline;
using Microsoft.AspNetCore.Http;

namespace CCGate.Proxy.Tenants;

/// <summary>Who is it: the tenant whose key the request carries, or a refusal.</summary>
internal sealed class ApiKeyAuthenticator(TenantDirectory tenants, TimeProvider time)
{
    public TenantKey Authenticate(HttpRequest request)
    {
        var credential = Credential.Read(request);
        if (credential.Conflicting)
        {
            throw new RefusedException(RefusalReason.Unauthenticated, "The request carries two different API keys. Send one, in x-api-key or in Authorization.");
        }

        if (credential.Key is null)
        {
            throw new RefusedException(RefusalReason.Unauthenticated, "The API key is missing. Send it as x-api-key or as Authorization: Bearer.");
        }

        var found = tenants.Find(credential.Key)
            ?? throw new RefusedException(RefusalReason.Unauthenticated, "The API key is not known here. Ask the operator of this gateway for one.");
        return found.Refusal(time.GetUtcNow()) is { } refusal
            ? throw new RefusedException(refusal.IsTenant ? RefusalReason.TenantDisabled : RefusalReason.Unauthenticated, refusal.Message)
            : found;
    }
}
