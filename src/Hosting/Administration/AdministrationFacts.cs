using System.Collections.Immutable;
using System.Globalization;
using System.Text.Json;
using CCGate.Contracts;
using CCGate.Hosting.Configuration;
using CCGate.Hosting.Operators;
using CCGate.Hosting.Secrets;

namespace CCGate.Hosting.Administration;

/// <summary>What operators changed at run time, as the ledger has it up to a position.</summary>
internal sealed record AdministrationFacts
{
    public static readonly AdministrationFacts None = new();

    /// <summary>The last fact that is in it.</summary>
    public long Position { get; private init; }

    /// <summary>The last change of prices; 0 when there was none.</summary>
    public long PricesChangedAt { get; private init; }

    /// <summary>The entries that operators set and did not take back: one for each model and date, the last one set.</summary>
    public IEnumerable<ModelPrice> Prices => prices.Values;

    public ImmutableArray<BudgetExtended> Extensions { get; private init; } = [];

    /// <summary>The tokens of the API that were not revoked.</summary>
    public ImmutableArray<ApiToken> ApiTokens { get; private init; } = [];
    public TenantFacts Tenants { get; private init; } = TenantFacts.None;

    public UpstreamFacts Upstreams { get; private init; } = UpstreamFacts.None;

    private ImmutableSortedDictionary<PriceName, ModelPrice> prices { get; init; } = ImmutableSortedDictionary<PriceName, ModelPrice>.Empty;

    public ModelPrice? Price(string model, DateOnly effectiveFrom) => prices.GetValueOrDefault(PriceName.Of(model, effectiveFrom));

    /// <summary>The facts with the next one of the ledger; what another version wrote and this one does not know changes nothing.</summary>
    /// <exception cref="JsonException">The event cannot be read.</exception>
    public AdministrationFacts With(long position, string type, string data)
    {
        var next = this with { Position = position };
        return type switch
        {
            EventTypes.PriceBookPublished => next.With(position, JsonSerializer.Deserialize(data, ContractsJson.Default.PriceBookPublished)!),
            EventTypes.BudgetExtended => next with { Extensions = Extensions.Add(JsonSerializer.Deserialize(data, ContractsJson.Default.BudgetExtended)!) },
            EventTypes.ApiTokenIssued => next.With(JsonSerializer.Deserialize(data, ContractsJson.Default.ApiTokenIssued)!),
            EventTypes.ApiTokenRevoked => next.With(JsonSerializer.Deserialize(data, ContractsJson.Default.ApiTokenRevoked)!),
            EventTypes.TenantChanged or EventTypes.KeyIssued or EventTypes.KeyRevoked => next with { Tenants = Tenants.With(position, type, data) },
            EventTypes.UpstreamChanged or EventTypes.UpstreamOrdered or EventTypes.RoutingChanged => next with { Upstreams = Upstreams.With(position, type, data) },
            _ => next,
        };
    }

    /// <summary>The configuration directory's snapshot, changed by these facts.</summary>
    /// <param name="files">What the directory says.</param>
    /// <param name="secrets">Opens the secrets of upstreams; without it they cannot be used.</param>
    public GatewayConfig Over(GatewayConfig files, Func<SecretBox>? secrets = null) =>
        Tenants.Over(Upstreams.Over(files with { Extensions = files.Extensions.AddRange(Extensions), ApiTokens = ApiTokens, Prices = Over(files.Prices) }, secrets));

    /// <summary>An operator's entries come before all others. The version names the change too, so that an event says by which book exactly it was priced.</summary>
    private PriceBook Over(PriceBook files) => PricesChangedAt == 0 ? files : new PriceBook
    {
        Version = string.Create(CultureInfo.InvariantCulture, $"{files.Version}+{PricesChangedAt}"),
        Prices = [.. files.Prices, .. prices.Values],
    };

    private AdministrationFacts With(long position, PriceBookPublished change)
    {
        var next = prices.RemoveRange((change.Withdrawn ?? []).Select(entry => PriceName.Of(entry.Model, entry.EffectiveFrom)));
        foreach (var price in change.Book.Prices)
        {
            next = next.SetItem(PriceName.Of(price.Model, price.EffectiveFrom), price with { Precedence = PricePrecedence.Operator });
        }

        return this with { prices = next, PricesChangedAt = position };
    }

    private AdministrationFacts With(ApiTokenIssued issued) => SecretHash.Parse(issued.SecretHash) is not { } secret ? this : this with
    {
        ApiTokens = ApiTokens.Add(new ApiToken(issued.TokenId, issued.Name, issued.Scope, secret, issued.Hint, issued.At, issued.ExpiresAt, issued.By)),
    };

    private AdministrationFacts With(ApiTokenRevoked revoked) => this with { ApiTokens = ApiTokens.RemoveAll(token => token.Id == revoked.TokenId) };

    /// <summary>What makes two entries the same one: the model, whatever its case, and the date.</summary>
    private readonly record struct PriceName(string Model, DateOnly EffectiveFrom) : IComparable<PriceName>
    {
        public static PriceName Of(string model, DateOnly effectiveFrom) => new(model.ToUpperInvariant(), effectiveFrom);

        public int CompareTo(PriceName other) =>
            string.CompareOrdinal(Model, other.Model) is var byModel && byModel != 0 ? byModel : EffectiveFrom.CompareTo(other.EffectiveFrom);
    }
}
