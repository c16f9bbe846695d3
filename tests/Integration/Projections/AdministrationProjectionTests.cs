using CCGate.Contracts;
using CCGate.Hosting.Administration;
using CCGate.Hosting.Configuration;
using CCGate.Projections.Administration;
using CCGate.Projections.Engine;
using CCGate.Tests.Infrastructure;
using Microsoft.Extensions.Logging.Abstractions;

namespace CCGate.Tests.Integration.Projections;

public sealed class SqliteAdministrationProjectionTests() : AdministrationProjectionTests(Storage.Sqlite);

public sealed class PostgresAdministrationProjectionTests() : AdministrationProjectionTests(Storage.Postgres);

/// <summary>The events that operators made, copied out of all the others, and brought into the configuration in force.</summary>
public abstract class AdministrationProjectionTests(Storage storage) : ProjectionTest(storage)
{
    private static readonly AdministrationProjection Administration = new();

    [Fact]
    public async Task Only_what_operators_did_is_copied_in_the_order_of_the_ledger()
    {
        await MigrateAsync();
        await Store.AppendAsync([Extension("alice"), .. Events.Records(20), EventRecord.From(PriceBookPublished.Of(PriceBookFile.Shipped, Events.Noon)), Change(9), Extension("bob")], CancellationToken.None);
        await Round.CatchUpAsync(Administration, CancellationToken.None);

        var facts = await AdministrationTable.ReadAsync(Database, AdministrationFacts.None, CancellationToken.None);

        Assert.Equal(["alice", "bob"], facts.Extensions.Select(extension => extension.TenantId));
        Assert.Equal(9m, Assert.Single(facts.Prices).PerMillion.Input);
        Assert.Equal((23, 24), (facts.PricesChangedAt, facts.Position));
    }

    [Fact]
    public async Task A_rebuild_gives_the_same_rows()
    {
        await MigrateAsync();
        await Store.AppendAsync([Extension("alice"), Events.Record(), Change(9)], CancellationToken.None);
        await Round.CatchUpAsync(Administration, CancellationToken.None);

        var report = await Rebuild.RunAsync(Administration, progress: null, CancellationToken.None);

        Assert.Equal((true, 2), (report.Identical, report.RebuiltRows));
    }

    [Fact]
    public async Task The_feed_has_what_is_stored_before_it_serves_and_follows_what_comes_later()
    {
        await MigrateAsync();
        await AppendAsync(Change(9));
        var config = new ConfigSource(new GatewayConfig { Prices = new PriceBook { Version = "files" } });
        using var feed = new AdministrationFeed(Database, config, TimeProvider.System, NullLogger<AdministrationFeed>.Instance);

        await feed.StartAsync(CancellationToken.None);
        Assert.Equal("files+1", config.Current.Prices.Version);

        await AppendAsync(Change(8));
        await Eventually.HoldsAsync(() => config.Current.Prices.Find("claude-x", Events.Noon)?.PerMillion.Input == 8m, "the change is in force");
        Assert.Equal("files+2", config.Current.Prices.Version);
        await feed.StopAsync(CancellationToken.None);
    }

    [Fact]
    public async Task Without_the_table_the_files_are_served_until_it_is_there()
    {
        var config = new ConfigSource(new GatewayConfig { Prices = new PriceBook { Version = "files" } });
        using var feed = new AdministrationFeed(Database, config, TimeProvider.System, NullLogger<AdministrationFeed>.Instance);

        await feed.StartAsync(CancellationToken.None);
        Assert.Equal("files", config.Current.Prices.Version);

        await MigrateAsync();
        await AppendAsync(Change(9));
        await Eventually.HoldsAsync(() => config.Current.Prices.Version == "files+1", "the change is in force");
        await feed.StopAsync(CancellationToken.None);
    }

    private Task MigrateAsync() => Checkpoints.MigrateAsync(Database, [Administration], TimeProvider.System, CancellationToken.None);

    private async Task AppendAsync(EventRecord record)
    {
        await Store.AppendAsync([record], CancellationToken.None);
        await Round.CatchUpAsync(Administration, CancellationToken.None);
    }

    private static EventRecord Extension(string tenant) => EventRecord.From(new BudgetExtended
    {
        ExtensionId = Guid.CreateVersion7(Events.Noon),
        TenantId = tenant,
        Reason = "r",
        From = Events.Noon,
        To = Events.Noon.AddDays(1),
        ExtendedAt = Events.Noon,
    });

    private static EventRecord Change(decimal input) => EventRecord.From(new PriceBookPublished
    {
        EventId = Guid.CreateVersion7(Events.Noon),
        PublishedAt = Events.Noon,
        Origin = PriceBookPublished.OperatorOrigin,
        Book = new PriceBook { Prices = [new ModelPrice { Model = "claude-x", PerMillion = new TokenRates { Input = input } }] },
    });
}
