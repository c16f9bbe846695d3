using CCGate.Contracts;
using CCGate.Hosting.Administration;
using CCGate.Hosting.Configuration;
using CCGate.Tests.Infrastructure;

namespace CCGate.Tests.Unit.Hosting;

/// <summary>What operators changed at run time, laid over the configuration directory.</summary>
public sealed class AdministrationFactsTests
{
    private static readonly GatewayConfig Files = new()
    {
        Prices = PriceBookFile.Merge(
            new PriceBook { Version = "shipped", Prices = [Price("claude-x", 1), Price("claude-y", 2)] },
            new PriceBook { Version = "2026-11-21.1", Prices = [Price("claude-*", 3)] }),
    };

    [Fact]
    public void Without_a_change_the_book_is_that_of_the_files() => Assert.Same(Files.Prices, AdministrationFacts.None.Over(Files).Prices);

    [Fact]
    public void An_operators_price_comes_before_the_file_and_the_file_before_what_is_shipped()
    {
        var book = With(Set(7, Price("claude-y", 9))).Over(Files).Prices;

        Assert.Equal((3m, 9m), (Input(book, "claude-x"), Input(book, "claude-y")));
    }

    [Fact]
    public void The_version_names_the_files_book_and_the_last_change()
    {
        var facts = With(Set(7, Price("claude-y", 9)), Set(12, Price("claude-y", 8)));

        Assert.Equal("2026-11-21.1+12", facts.Over(Files).Prices.Version);
        Assert.Equal("2026-11-21.1+12", facts.With(13, EventTypes.BudgetExtended, Extension()).Over(Files).Prices.Version);
    }

    [Fact]
    public void A_price_set_again_replaces_the_one_of_its_date_whatever_the_case_of_its_name()
    {
        var facts = With(Set(1, Price("claude-y", 9)), Set(2, Price("CLAUDE-Y", 8)));

        Assert.Equal(8m, Assert.Single(facts.Prices).PerMillion.Input);
    }

    [Fact]
    public void A_price_taken_back_leaves_what_was_there_before_and_a_version_of_its_own()
    {
        var facts = With(Set(1, Price("claude-y", 9)), Withdraw(2, "claude-y"));

        Assert.Equal((3m, "2026-11-21.1+2"), (Input(facts.Over(Files).Prices, "claude-y"), facts.Over(Files).Prices.Version));
    }

    [Fact]
    public void Two_dates_of_a_model_are_two_entries()
    {
        var later = Price("claude-y", 10) with { EffectiveFrom = new DateOnly(2027, 1, 1) };
        var book = With(Set(1, Price("claude-y", 9), later)).Over(Files).Prices;

        Assert.Equal((9m, 10m), (Input(book, "claude-y"), book.Find("claude-y", new DateTimeOffset(2027, 1, 1, 0, 0, 0, TimeSpan.Zero))!.PerMillion.Input));
    }

    [Fact]
    public void Extensions_of_budgets_are_kept_in_order_and_what_is_not_known_changes_nothing()
    {
        var facts = AdministrationFacts.None.With(3, EventTypes.BudgetExtended, Extension("a")).With(4, EventTypes.BudgetExtended, Extension("b")).With(5, "invented_later", "{}");

        Assert.Equal((5, "a b"), (facts.Position, string.Join(' ', facts.Over(Files).Extensions.Select(extension => extension.TenantId))));
    }

    [Fact]
    public void The_configuration_in_force_is_replaced_whole_from_either_side_and_told_once_each_time()
    {
        var source = new ConfigSource(Files);
        var told = new List<string>();
        source.Changed += config => told.Add($"{config.Prices.Version} {config.Server.Port}");

        source.Replace(With(Set(7, Price("claude-y", 9))));
        source.Replace(Files with { Server = new ServerConfig { Port = 4000 }, Prices = Files.Prices with { Version = "2" } });

        Assert.Equal(["2026-11-21.1+7 3000", "2+7 4000"], told);
        Assert.Equal(("2+7", "2"), (source.Current.Prices.Version, source.Files.Prices.Version));
    }

    private static AdministrationFacts With(params (long Position, PriceBookPublished Change)[] changes) =>
        changes.Aggregate(AdministrationFacts.None, (facts, change) => facts.With(change.Position, EventTypes.PriceBookPublished, EventRecord.From(change.Change).Data));

    private static (long Position, PriceBookPublished Change) Set(long position, params ModelPrice[] prices) =>
        (position, new PriceBookPublished { Origin = PriceBookPublished.OperatorOrigin, Book = new PriceBook { Prices = prices } });

    private static (long Position, PriceBookPublished Change) Withdraw(long position, string model) =>
        (position, new PriceBookPublished { Origin = PriceBookPublished.OperatorOrigin, Withdrawn = [new WithdrawnPrice { Model = model }] });

    private static string Extension(string tenant = "alice") => EventRecord.From(new BudgetExtended { TenantId = tenant }).Data;

    private static ModelPrice Price(string model, decimal input) => new() { Model = model, PerMillion = new TokenRates { Input = input } };

    private static decimal? Input(PriceBook book, string model) => book.Find(model, Events.Noon)?.PerMillion.Input;
}
