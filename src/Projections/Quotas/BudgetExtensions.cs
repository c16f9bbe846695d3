using System.Text.Json;
using CCGate.Contracts;
using CCGate.Hosting.Configuration;
using CCGate.Hosting.Tenants;
using CCGate.Metering;
using CCGate.Projections.Spend;

namespace CCGate.Projections.Quotas;

/// <summary>An operator's wish to let a tenant spend more for a time.</summary>
internal sealed record ExtensionRequest
{
    /// <summary>The extension's id when the caller wants to be able to ask twice; the second time adds nothing.</summary>
    public Guid? Id { get; init; }

    public string? Tenant { get; init; }

    /// <summary>As in tenants.json: <c>daily</c>.</summary>
    public string? Window { get; init; }

    public decimal Usd { get; init; }

    public long Tokens { get; init; }

    public long Requests { get; init; }

    /// <summary>A date, which is included, or an instant; null for the end of the window that runs.</summary>
    public string? Until { get; init; }

    public string? Reason { get; init; }
}

/// <summary>The answer of <c>GET /api/budgets/extensions</c>.</summary>
internal sealed record ExtensionList(IReadOnlyList<BudgetExtended> Extensions);

/// <summary>Extra budget that operators give tenants for a time: facts in the tenants' streams.</summary>
internal sealed class BudgetExtensions(TenantEvents history)
{
    private const decimal MaxUsd = 1_000_000;
    private const long MaxCount = 1_000_000_000_000;
    private const int MaxReason = 1000;

    /// <summary>A tenant's last ones that are listed.</summary>
    private const int MaxListed = 1000;

    /// <summary>What was given to the configured tenants, or to one of them, the oldest first.</summary>
    public async Task<IReadOnlyList<BudgetExtended>> ReadAsync(GatewayConfig config, string? tenantId, CancellationToken cancellationToken)
    {
        var extensions = new List<BudgetExtended>();
        foreach (var tenant in config.Tenants.Where(tenant => tenantId is null || tenant.Id == tenantId))
        {
            extensions.AddRange((await history.ReadAsync(tenant.Id, EventTypes.BudgetExtended, MaxListed, cancellationToken))
                .Select(data => JsonSerializer.Deserialize(data, ContractsJson.Default.BudgetExtended)!));
        }

        return [.. extensions.OrderBy(extension => extension.ExtendedAt)];
    }

    /// <summary>The fact that a request makes; null with the reasons, by member, when it cannot be one.</summary>
    public static BudgetExtended? Decide(ExtensionRequest request, GatewayConfig config, string by, DateTimeOffset now, Dictionary<string, string[]> errors)
    {
        void Error(string member, string message) => errors[member] = [message];

        var tenant = config.Tenants.FirstOrDefault(known => known.Id == request.Tenant);
        if (tenant is null)
        {
            Error("tenant", request.Tenant is null ? "It is missing." : $"There is no tenant '{request.Tenant}' in tenants.json.");
        }

        var limit = tenant?.Limits.Windows.FirstOrDefault(window => window.Name == request.Window);
        if (tenant is not null && limit is null)
        {
            Error("window", NoSuchLimit(request.Window, tenant));
        }

        CheckAmount("usd", request.Usd, MaxUsd, limit is null || limit.MaxUsd is not null, Error);
        CheckAmount("tokens", request.Tokens, MaxCount, limit is null || limit.MaxTokens is not null, Error);
        CheckAmount("requests", request.Requests, MaxCount, limit is null || limit.MaxRequests is not null, Error);
        CheckRest(request, Error);
        var until = tenant is null || limit is null ? now : ReadEnd(request.Until, tenant, limit.Window, now, Error);
        return errors.Count > 0 ? null : new BudgetExtended
        {
            ExtensionId = request.Id ?? Guid.CreateVersion7(now),
            TenantId = tenant!.Id,
            Window = limit!.Name,
            From = now,
            To = until,
            ExtraUsd = request.Usd,
            ExtraTokens = request.Tokens,
            ExtraRequests = request.Requests,
            Reason = request.Reason!.Trim(),
            By = by,
            ExtendedAt = now,
        };
    }

    private static void CheckRest(ExtensionRequest request, Action<string, string> error)
    {
        if (request is { Usd: 0, Tokens: 0, Requests: 0 })
        {
            error("usd", "There is nothing to add: give usd, tokens or requests.");
        }

        if (string.IsNullOrWhiteSpace(request.Reason) || request.Reason.Length > MaxReason)
        {
            error("reason", $"Say why, in 1 to {MaxReason} characters: it is kept for ever.");
        }
    }

    private static string NoSuchLimit(string? window, TenantConfig tenant)
    {
        var names = string.Join(", ", tenant.Limits.Windows.Select(known => known.Name));
        return $"'{tenant.Id}' has no limit '{window}' to add to; it has {(names.Length == 0 ? "none" : names)}.";
    }

    private static void CheckAmount(string member, decimal amount, decimal max, bool isLimited, Action<string, string> error)
    {
        var isWhole = decimal.Truncate(amount * Picodollars.PerUsd) == amount * Picodollars.PerUsd;
        if (amount < 0 || amount > max || !isWhole)
        {
            error(member, $"{amount} cannot be added: give an amount from 0 to {max}{(isWhole ? "" : " with no more than 12 decimals")}.");
        }
        else if (amount > 0 && !isLimited)
        {
            error(member, $"The limit of this window is not in {member}: there is nothing to add to.");
        }
    }

    private static DateTimeOffset ReadEnd(string? written, TenantConfig tenant, LimitWindow window, DateTimeOffset now, Action<string, string> error)
    {
        if (written is null)
        {
            var end = tenant.Clock.Containing(window, now).End;

            // The rolling window ends every quarter hour; what is used now has left it five hours later.
            return window == LimitWindow.FiveHours ? end.AddHours(5) : end;
        }

        if (!SpendQuestionReader.TryReadInstant(written, tenant.TimeZone, isEnd: true, out var until))
        {
            error("until", SpendQuestionReader.NoInstant(written));
        }
        else if (until <= now)
        {
            error("until", $"'{written}' is in the past.");
        }

        return until;
    }
}
