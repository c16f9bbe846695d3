using CCGate.Contracts;
using CCGate.Hosting.Configuration;
using CCGate.Proxy.Limits;
using CCGate.Proxy.Pipeline;
using CCGate.Proxy.Surfaces;
using CCGate.Proxy.Tenants;

namespace CCGate.Proxy.Usage;

/// <summary>What a call can cost at most, before anybody knows what it will use.</summary>
internal static class HoldPricing
{
    // An advice has 1,400 to 1,800 tokens, thinking included: https://platform.claude.com/docs/en/agents-and-tools/tool-use/advisor-tool
    private const long TokensPerAdvice = 4_000;

    /// <summary>Leaves out, for a tenant with a budget, the upstreams whose price nobody knows; refuses when none is left.</summary>
    public static ModelRoute Affordable(ModelRoute route, LimitPath limits, PriceBook prices, DateTimeOffset admittedAt)
    {
        if (!limits.HasBudget || route.Upstreams.All(upstream => prices.Find(upstream.ProviderModel(route.Model), admittedAt) is not null))
        {
            return route;
        }

        var priced = route.Upstreams.RemoveAll(upstream => prices.Find(upstream.ProviderModel(route.Model), admittedAt) is null);
        return priced.Length > 0
            ? route with { Upstreams = priced }
            : throw new RefusedException(
                RefusalReason.Unpriced,
                $"The model {route.Upstreams[0].ProviderModel(route.Model)} has no price, and the tenant {limits.Tenant.Id} has a budget that it could not be held against. Add its price to prices.json.");
    }

    /// <summary>The dearest of the upstreams the call may go to decides; without a price (and then without a budget) the hold is zero.</summary>
    /// <param name="maxAttempts">
    /// An attempt that is given up before it answered is billed for its likely prompt, which is half the bound, so each but the last adds half the input.
    /// </param>
    public static HoldEstimate Estimate(ModelRoute route, Call call, TenantConfig tenant, PriceBook prices, DateTimeOffset admittedAt, int maxAttempts)
    {
        var (input, output) = (0m, 0m);
        var advised = call.Advisors.Sum(advisor => advisor.Uses * (TokensToAdvise(call) + TokensPerAdvice));
        foreach (var upstream in route.Upstreams)
        {
            if (prices.Find(upstream.ProviderModel(route.Model), admittedAt) is { } price)
            {
                var worst = price.Worst(call.PromptTokensBound, call.Fast);
                var multiplier = upstream.Config.CostMultiplier;
                var advice = call.Advisors.Sum(advisor => advisor.Uses * AdviceUsd(prices.Find(advisor.Model, admittedAt) ?? price, call));
                input = Math.Max(input, ((worst.InputToken * call.PromptTokensBound) + (worst.WebSearch * call.WebSearchesBound) + advice) * multiplier);
                output = Math.Max(output, worst.OutputToken * multiplier * call.Choices);
            }
        }

        var attempts = 1m + ((maxAttempts - 1) / 2m);
        return new HoldEstimate(
            Picodollars.CeilingFromUsd(input * attempts),
            Picodollars.CeilingFromUsd(output),
            (long)decimal.Ceiling((call.PromptTokensBound + advised) * attempts),
            call.MaxOutputTokens,
            Math.Max(tenant.MinOutputTokens, call.ThinkingBudgetTokens + 1),
            call.Choices);
    }

    /// <summary>The most that asking once can cost: the advisor reads what there is by then.</summary>
    private static decimal AdviceUsd(ModelPrice price, Call call)
    {
        var worst = price.Worst(TokensToAdvise(call), call.Fast);
        return (worst.InputToken * TokensToAdvise(call)) + (worst.OutputToken * TokensPerAdvice);
    }

    private static long TokensToAdvise(Call call) => call.PromptTokensBound + Math.Min(call.MaxOutputTokens, BodyJson.TokensPerHostedCall);
}
