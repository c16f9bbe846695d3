using System.Globalization;
using System.Numerics;
using CCGate.Contracts;
using CCGate.Hosting.Configuration;

namespace CCGate.Tests.Unit.Contracts;

/// <summary>What a use costs, over the whole shipped table, against an implementation of its own.</summary>
public sealed class PriceOracleTests
{
    private const int Seed = 20261121;
    private const int Usages = 60_000;

    private static readonly PriceOracle Oracle = PriceOracle.OfShippedTable();

    [Fact]
    public void Random_usages_of_every_model_cost_the_same_to_the_last_digit()
    {
        var random = new Random(Seed);
        var (priced, unpriced) = (0, 0);
        for (var i = 0; i < Usages; i++)
        {
            var (model, admittedAt) = RandomModel(random, i);
            var usage = RandomUsage(random);
            var costMultiplier = (random.Next(0, 3000) / (decimal)random.GetItems<int>([1, 10, 1000, 1000], 1)[0]).ToString(CultureInfo.InvariantCulture);

            var expected = Oracle.Spend(model, usage, DateOnly.FromDateTime(admittedAt.UtcDateTime), costMultiplier);
            var spend = PriceBookFile.Shipped.Spend(model, usage, admittedAt, decimal.Parse(costMultiplier, CultureInfo.InvariantCulture));

            var actual = spend is { } usd ? new BigInteger(usd * Picodollars.PerUsd) : (BigInteger?)null;
            Assert.True(
                expected == actual && (spend is null || decimal.Truncate(spend.Value * Picodollars.PerUsd) == spend.Value * Picodollars.PerUsd),
                $"seed {Seed}, usage {i}: {model} at {admittedAt:O} × {costMultiplier} should be {expected}, is {actual} picodollars: {usage}");
            _ = expected is null ? unpriced++ : priced++;
        }

        Assert.True(priced > Usages / 2 && unpriced > Usages / 20, $"{priced} were priced and {unpriced} were not: the dates do not try both sides");
    }

    /// <summary>A hold is a bound only if nothing that can be served costs more.</summary>
    [Fact]
    public void No_random_usage_costs_more_than_its_hold()
    {
        var random = new Random(Seed);
        for (var i = 0; i < Usages; i++)
        {
            var price = PriceBookFile.Shipped.Prices[i % PriceBookFile.Shipped.Prices.Count];
            var usage = RandomUsage(random);
            var costMultiplier = random.Next(0, 3000) / 1000m;

            // What is known beforehand: a bound of the prompt, a bound of the answer and of the searches, and whether a speed was asked for.
            var promptAtMost = usage.PromptTokens + random.Next(3);
            var worst = price.Worst(promptAtMost, fast: usage.Speed is not (null or "standard"));
            var hold = Picodollars.CeilingFromUsd(((worst.InputToken * promptAtMost) + (worst.OutputToken * usage.OutputTokens) + (worst.WebSearch * usage.WebSearches)) * costMultiplier);

            Assert.True(
                Picodollars.FromUsd(price.Spend(usage, costMultiplier)) <= hold, $"seed {Seed}, usage {i}: {price.Model} × {costMultiplier} costs more than {hold} picodollars: {usage}");
        }
    }

    [Fact]
    public void Every_entry_decides_the_name_it_was_written_for()
    {
        foreach (var (model, from) in Oracle.Entries)
        {
            var name = model.Replace("*", "260101", StringComparison.Ordinal);

            Assert.Equal(model, PriceBookFile.Shipped.Find(name, At(from))?.Model);
        }
    }

    private static (string Model, DateTimeOffset AdmittedAt) RandomModel(Random random, int i)
    {
        var (model, from) = Oracle.Entries[i % Oracle.Entries.Count];
        var name = model.Replace("*", random.GetItems(["", "260101", "25-11-01", "-latest"], 1)[0], StringComparison.Ordinal);
        var admittedAt = random.Next(5) switch
        {
            0 => At(from).AddTicks(-1),
            1 => At(from).ToOffset(TimeSpan.FromHours(14)),
            2 => At(from).AddHours(-random.Next(1, 14)).ToOffset(TimeSpan.FromHours(14)),
            _ => At(from).AddDays(random.Next(800)),
        };
        return (random.Next(4) == 0 ? name.ToUpperInvariant() : random.Next(50) == 0 ? name + "-7" : name, admittedAt);
    }

    private static TokenUsage RandomUsage(Random random)
    {
        long Tokens() => random.Next(6) switch
        {
            0 => 0,
            1 => random.GetItems<long>([100_000, 100_001, 200_000, 200_001, 272_000, 272_001], 1)[0],
            _ => random.NextInt64((long)Math.Pow(10, random.Next(1, 8))),
        };
        string? Served(string member) => random.GetItems([null, "standard", "default", "unheard-of", .. Oracle.Names(member)], 1)[0];
        return new TokenUsage
        {
            InputTokens = Tokens(),
            CacheReadTokens = Tokens(),
            CacheWrite5mTokens = Tokens(),
            CacheWrite1hTokens = Tokens(),
            OutputTokens = Tokens(),
            WebSearches = random.Next(4),
            Speed = Served("speed"),
            InferenceGeo = Served("inferenceGeo"),
            ServiceTier = Served("serviceTier"),
        };
    }

    private static DateTimeOffset At(DateOnly day) => new(day, TimeOnly.MinValue, TimeSpan.Zero);
}
