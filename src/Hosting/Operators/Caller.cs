using System.ComponentModel.DataAnnotations;
using System.Globalization;
using System.Security.Claims;
using CCGate.Hosting.Tenants;

namespace CCGate.Hosting.Operators;

/// <summary>Who asks, and what they may.</summary>
/// <param name="Role"><see cref="OperatorRole"/> or <see cref="TenantRole"/>.</param>
/// <param name="Scope"><see cref="AdminScope"/> or <see cref="ReadScope"/>.</param>
/// <param name="Name">Whom what they change is ascribed to.</param>
internal sealed record Caller(
    [property: AllowedValues(Caller.OperatorRole, Caller.TenantRole)] string Role,
    [property: AllowedValues(Caller.AdminScope, Caller.ReadScope)] string Scope,
    string Name)
{
    public const string OperatorRole = "operator";
    public const string TenantRole = "tenant";
    public const string AdminScope = "admin";
    public const string ReadScope = "read";

    public const string ScopeClaim = "scope";
    public const string TenantClaim = "tenant";
    public const string KeyClaim = "key";
    private const string NameClaim = "name";
    private const string RoleClaim = "role";
    private const string ExpiresClaim = "expires";

    public string? Tenant { get; init; }

    public string? Key { get; init; }

    /// <summary>When the session ends unless it is used before; null without one.</summary>
    public DateTimeOffset? ExpiresAt { get; init; }

    public static Caller Operator(string name) => new(OperatorRole, AdminScope, name);

    public static Caller Of(TenantKey found) => new(TenantRole, ReadScope, found.Tenant.Id) { Tenant = found.Tenant.Id, Key = found.Key.Id };

    public static Caller Of(ClaimsPrincipal user) => new(user.FindFirstValue(RoleClaim)!, user.FindFirstValue(ScopeClaim)!, user.FindFirstValue(NameClaim)!)
    {
        Tenant = user.FindFirstValue(TenantClaim),
        Key = user.FindFirstValue(KeyClaim),
        ExpiresAt = user.FindFirstValue(ExpiresClaim) is { } expires ? DateTimeOffset.Parse(expires, CultureInfo.InvariantCulture) : null,
    };

    public ClaimsPrincipal ToPrincipal()
    {
        var identity = new ClaimsIdentity(OperatorPolicies.Scheme, NameClaim, RoleClaim);
        identity.AddClaim(new Claim(RoleClaim, Role));
        identity.AddClaim(new Claim(ScopeClaim, Scope));
        identity.AddClaim(new Claim(NameClaim, Name));
        foreach (var (type, value) in ((string, string?)[])[(TenantClaim, Tenant), (KeyClaim, Key), (ExpiresClaim, ExpiresAt?.ToString("O", CultureInfo.InvariantCulture))])
        {
            if (value is not null)
            {
                identity.AddClaim(new Claim(type, value));
            }
        }

        return new ClaimsPrincipal(identity);
    }
}
