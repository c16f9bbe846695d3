using System.Collections.Immutable;
using CCGate.Contracts;
using CCGate.Hosting.Configuration;
using CCGate.Hosting.Tenants;

namespace CCGate.Proxy.Limits;

/// <summary>One limit that a request must fit.</summary>
/// <param name="Account">What counts against it.</param>
/// <param name="Max">How much may.</param>
/// <param name="Extensions">What operators added to it for a time.</param>
internal sealed record LimitCheck(LimitAccount Account, Amounts Max, ImmutableArray<BudgetExtended> Extensions)
{
    public Amounts MaxAt(DateTimeOffset instant)
    {
        var max = Max;
        foreach (var extension in Extensions)
        {
            if (extension.From <= instant && instant < extension.To)
            {
                max = max.Extended(new Amounts(Picodollars.FromUsd(extension.ExtraUsd), extension.ExtraTokens, extension.ExtraRequests));
            }
        }

        return max;
    }

    /// <summary>The setting a shortage is about, the first that falls short.</summary>
    public string NameOf(Amounts wanted, Amounts available) => Account.Kind switch
    {
        LimitKind.Budget => Account.Name + (wanted.Pico > available.Pico ? ".maxUSD" : wanted.Tokens > available.Tokens ? ".maxTokens" : ".maxRequests"),
        LimitKind.Minute => wanted.Tokens > available.Tokens ? "tokensPerMinute" : "requestsPerMinute",
        _ => "concurrentRequests",
    };
}

/// <summary>How many sessions of a subject may be in use at a time.</summary>
internal sealed record SessionCheck(LimitSubject Subject, long Max);

/// <summary>Every limit that holds for a key: its own, its tenant's, and those of every tenant above, the nearest first.</summary>
internal sealed record LimitPath(TenantConfig Tenant, string Key, ImmutableArray<LimitCheck> Checks, ImmutableArray<SessionCheck> Sessions)
{
    private static readonly WindowClock NoClock = new(TimeZoneInfo.Utc, TimeOnly.MinValue, DayOfWeek.Monday, 1);

    /// <summary>Whether any of them is about money: then what has no price cannot be held.</summary>
    public bool HasBudget { get; } = Checks.Any(check => check.Max.Pico != Amounts.Unlimited);

    /// <param name="config">Where the tree is.</param>
    /// <param name="tenant">Whose request it is.</param>
    /// <param name="key">The id of the key it came with.</param>
    /// <param name="account">Finds or opens an account.</param>
    public static LimitPath Of(GatewayConfig config, TenantConfig tenant, string key, Func<LimitAccount, LimitAccount> account)
    {
        var checks = ImmutableArray.CreateBuilder<LimitCheck>();
        var sessions = ImmutableArray.CreateBuilder<SessionCheck>();
        if (tenant.Keys.FirstOrDefault(known => known.Id == key) is { } own)
        {
            Add(new LimitSubject(tenant.Id, key), own.Limits, tenant);
        }

        foreach (var above in config.PathOf(tenant))
        {
            Add(new LimitSubject(above.Id, null), above.Limits, above);
        }

        return new LimitPath(tenant, key, checks.ToImmutable(), sessions.ToImmutable());

        void Add(LimitSubject subject, LimitsConfig limits, TenantConfig holder)
        {
            foreach (var window in limits.Windows)
            {
                var max = new Amounts(window.MaxUsd is { } usd ? Picodollars.FromUsd(usd) : Amounts.Unlimited, window.MaxTokens ?? Amounts.Unlimited, window.MaxRequests ?? Amounts.Unlimited);
                var extensions = subject.Key is null ? config.Extensions.RemoveAll(extension => extension.TenantId != subject.Tenant || extension.Window != window.Name) : [];
                AddCheck(new LimitAccount(subject, LimitKind.Budget, window.Window, holder.Clock), max, extensions);
            }

            AddCheck(
                new LimitAccount(subject, LimitKind.Minute, default, NoClock),
                new Amounts(Amounts.Unlimited, limits.TokensPerMinute ?? Amounts.Unlimited, limits.RequestsPerMinute ?? Amounts.Unlimited), []);
            AddCheck(
                new LimitAccount(subject, LimitKind.Concurrency, default, NoClock),
                new Amounts(Amounts.Unlimited, Amounts.Unlimited, limits.ConcurrentRequests ?? Amounts.Unlimited), []);
            if (limits.ConcurrentSessions is { } sessionsAtOnce)
            {
                sessions.Add(new SessionCheck(subject, sessionsAtOnce));
            }
        }

        void AddCheck(LimitAccount candidate, Amounts max, ImmutableArray<BudgetExtended> extensions)
        {
            if (max != Amounts.Everything)
            {
                checks.Add(new LimitCheck(account(candidate), max, extensions));
            }
        }
    }
}
