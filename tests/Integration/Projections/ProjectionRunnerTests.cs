using CCGate.Hosting.Storage;
using CCGate.Metering.EventStore;
using CCGate.Projections.Engine;
using CCGate.Projections.Spend;
using CCGate.Tests.Infrastructure;
using Microsoft.Extensions.Logging.Abstractions;

namespace CCGate.Tests.Integration.Projections;

/// <summary>The background loop over a PostgreSQL that comes and goes.</summary>
public sealed class ProjectionRunnerTests
{
    [Fact]
    public async Task A_database_that_goes_away_delays_the_projection_and_loses_nothing()
    {
        using var server = await PostgresServer.StartAsync();
        await using var database = new PostgresDatabase(await server.CreateDatabaseAsync());
        var store = new PostgresEventStore(database, NullLogger<PostgresEventStore>.Instance);
        var states = new ProjectionStates(database, store, [new SpendProjection()], TimeProvider.System);
        using var runner = new ProjectionRunner(
            database, store, [new SpendProjection()], new ProjectionRound(database, store, TimeProvider.System), TimeProvider.System, NullLogger<ProjectionRunner>.Instance);

        // The runner comes up before the database and the event store's tables do.
        server.Kill();
        await runner.StartAsync(CancellationToken.None);
        await server.ResumeAsync();
        await store.MigrateAsync(CancellationToken.None);
        await AppendAsync(5);

        server.Kill();
        await server.ResumeAsync();
        await AppendAsync(7);
        Assert.Equal(12, (await new SpendReader(database).ReadAsync(new SpendQuestion(), CancellationToken.None)).Total.Requests);
        await runner.StopAsync(CancellationToken.None);

        async Task AppendAsync(int count)
        {
            await Eventually.PassesAsync(() => store.AppendAsync(Events.Records(count), CancellationToken.None));
            runner.Wake();
            await Eventually.HoldsAsync(async () => (await states.ReadAsync(CancellationToken.None))[0].State == "current", "the projection catches up");
        }
    }
}
