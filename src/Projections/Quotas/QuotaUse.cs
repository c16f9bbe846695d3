using System.Globalization;
using System.Text.Json.Serialization;
using CCGate.Contracts;
using CCGate.Hosting.Configuration;

namespace CCGate.Projections.Quotas;

/// <summary>What counts against limits, in the units of all of them.</summary>
internal readonly record struct UsedAmounts(decimal Pico, decimal Tokens, decimal Requests)
{
    public static UsedAmounts operator +(UsedAmounts left, UsedAmounts right) =>
        new(left.Pico + right.Pico, left.Tokens + right.Tokens, left.Requests + right.Requests);

    /// <summary>The amount in a limit's own unit.</summary>
    public decimal Of(QuotaUnit unit) => unit switch
    {
        QuotaUnit.Usd => Picodollars.ToUsd(Pico),
        QuotaUnit.Tokens => Tokens,
        _ => Requests,
    };
}

/// <summary>What a limit is counted in.</summary>
[JsonConverter(typeof(JsonStringEnumConverter<QuotaUnit>))]
internal enum QuotaUnit
{
    [JsonStringEnumMemberName("USD")]
    Usd,
    [JsonStringEnumMemberName("tokens")]
    Tokens,
    [JsonStringEnumMemberName("requests")]
    Requests,
}

/// <summary>One amount of one window's limit, and how much of it is used now.</summary>
/// <param name="Tenant">Whose limit it is; everything below the tenant counts.</param>
/// <param name="Key">The key whose limit it is; null for the tenant's own.</param>
/// <param name="Limit">As written in tenants.json, such as <c>daily.maxUSD</c>.</param>
/// <param name="Unit">What it is counted in.</param>
/// <param name="Used">What counts against it, with what stays held for usage that nobody reported.</param>
/// <param name="Max">The limit with the extra budget in force.</param>
/// <param name="Extra">The part of it that was added for a time.</param>
/// <param name="WindowStart">From here on usage counts.</param>
/// <param name="WindowEnd">Here the window starts over; null when it never does.</param>
internal sealed record QuotaUse(
    string Tenant, string? Key, string Limit, QuotaUnit Unit, decimal Used, decimal Max, decimal Extra, DateTimeOffset WindowStart, DateTimeOffset? WindowEnd)
{
    public decimal Remaining => Math.Max(0, Max - Used);

    /// <summary>The part of the limit that is used; 1 is all of it, and a limit of nothing is used up.</summary>
    public decimal Fraction => Max > 0 ? decimal.Round(Used / Max, 6, MidpointRounding.ToZero) : 1;

    /// <summary>It does not start over at once, but gives back by quarter hours what was used five hours before.</summary>
    public bool Rolls => Limit.StartsWith("fiveHours.", StringComparison.Ordinal);

    /// <summary>When the limit raises an alert.</summary>
    [JsonIgnore]
    public IReadOnlyList<decimal> AlertAt { get; init; } = [];

    [JsonIgnore]
    public string Subject => Key is null ? Tenant : $"{Tenant}/{Key}";

    /// <summary>The amount as people write it.</summary>
    public string Describe(decimal amount) => Unit == QuotaUnit.Usd
        ? "$" + amount.ToString("0.00####", CultureInfo.InvariantCulture)
        : amount.ToString("N0", CultureInfo.InvariantCulture);
}

/// <summary>The answer of <c>GET /api/quotas</c>.</summary>
internal sealed record QuotaReport(DateTimeOffset At, IReadOnlyList<QuotaUse> Quotas);

/// <summary>A question for quotas: those of one tenant, of one key, or all.</summary>
internal sealed record QuotaQuestion(string? Tenant, string? Key)
{
    public static readonly QuotaQuestion All = new(null, null);

    /// <summary>What is wrong with it, by parameter; null when it can be answered.</summary>
    public Dictionary<string, string[]>? Errors(GatewayConfig config)
    {
        var tenants = config.Tenants.Where(tenant => Tenant is null || tenant.Id == Tenant).ToList();
        if (Tenant is not null && tenants.Count == 0)
        {
            return new() { ["tenant"] = [$"There is no tenant '{Tenant}' in tenants.json."] };
        }

        return Key is null || tenants.Any(tenant => tenant.Keys.Any(key => key.Id == Key))
            ? null
            : new() { ["key"] = [$"There is no key '{Key}' of {(Tenant is null ? "any tenant" : $"'{Tenant}'")} in tenants.json."] };
    }
}
