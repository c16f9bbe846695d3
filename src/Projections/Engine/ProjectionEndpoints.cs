using CCGate.Hosting.Health;
using CCGate.Hosting.Storage;
using CCGate.Metering.EventStore;
using CCGate.Projections.Telemetry;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;

namespace CCGate.Projections.Engine;

/// <summary><c>GET /api/projections</c>: how far each read model is behind the ledger, and whether it stands still.</summary>
internal static class ProjectionEndpoints
{
    public static void MapProjectionStates(this IEndpointRouteBuilder api) => api.MapGet("/projections", AnswerAsync)
        .WithSummary("How far the read models are")
        .WithDescription("How many events and seconds each read model is behind the ledger, and why one stands still.")
        .Produces<ProjectionList>();

    private static async Task<IResult> AnswerAsync(ProjectionStates states, CancellationToken cancellationToken) =>
        TypedResults.Json(new ProjectionList(await states.ReadAsync(cancellationToken)), ProjectionsJson.Default.ProjectionList);
}

/// <summary>Looks up how far each projection is.</summary>
internal sealed class ProjectionStates(Database database, IEventStore store, IEnumerable<IProjection> projections, TimeProvider time)
{
    /// <summary>A rebuild writes its checkpoint every few seconds; one that has not for so long was killed, and left its checkpoint behind.</summary>
    private static readonly TimeSpan RebuildPatience = TimeSpan.FromMinutes(15);

    /// <summary>That of one projection.</summary>
    public async Task<ProjectionState> ReadAsync(string name, CancellationToken cancellationToken)
    {
        var highWaterMark = await store.HighWaterMarkAsync(cancellationToken);
        await using var connection = await database.OpenAsync(cancellationToken);
        return await ReadAsync(await Checkpoints.ReadAsync(connection, name, transaction: null, cancellationToken) ?? new Checkpoint(name, 0, 0, null), highWaterMark, cancellationToken);
    }

    public async Task<IReadOnlyList<ProjectionState>> ReadAsync(CancellationToken cancellationToken)
    {
        var states = new List<ProjectionState>();
        var highWaterMark = await store.HighWaterMarkAsync(cancellationToken);
        await using var connection = await database.OpenAsync(cancellationToken);
        foreach (var projection in projections)
        {
            var checkpoint = await Checkpoints.ReadAsync(connection, projection.Name, transaction: null, cancellationToken)
                ?? new Checkpoint(projection.Name, 0, 0, null);
            states.Add(await ReadAsync(checkpoint, highWaterMark, cancellationToken));
        }

        return states;
    }

    /// <summary>How far the rebuilds are that run now, in whatever process.</summary>
    public async Task<IReadOnlyList<RebuildShare>> ReadRebuildsAsync(CancellationToken cancellationToken)
    {
        var rebuilds = new List<RebuildShare>();
        var since = Instant.ToMicroseconds(time.GetUtcNow() - RebuildPatience);
        await using var connection = await database.OpenAsync(cancellationToken);
        foreach (var projection in projections)
        {
            if (await Checkpoints.ReadAsync(connection, ProjectionRebuild.RebuiltTable(projection), transaction: null, cancellationToken) is { } rebuilt && rebuilt.UpdatedAt >= since)
            {
                // Where the live table is, the rebuild takes its place.
                var fence = (await Checkpoints.ReadAsync(connection, projection.Name, transaction: null, cancellationToken))?.Position ?? 0;
                rebuilds.Add(new RebuildShare(projection.Name, fence == 0 ? 1 : Math.Min(1, (double)rebuilt.Position / fence)));
            }
        }

        return rebuilds;
    }

    /// <summary>A projection that stands still shows a bill that is too small, yet requests can be served: degraded, not down.</summary>
    public async Task<HealthFinding> CheckAsync(CancellationToken cancellationToken)
    {
        var stopped = (await ReadAsync(cancellationToken)).Where(projection => projection.State == "stopped").ToList();
        return stopped.Count == 0
            ? HealthFinding.Healthy
            : new HealthFinding(HealthStatus.Degraded, string.Join("; ", stopped.Select(projection => $"{projection.Name}: {projection.Failure}")));
    }

    private async Task<ProjectionState> ReadAsync(Checkpoint checkpoint, long highWaterMark, CancellationToken cancellationToken)
    {
        var lag = Math.Max(0, highWaterMark - checkpoint.Position);
        var oldest = lag == 0 ? [] : await store.ReadAsync(checkpoint.Position, highWaterMark, 1, cancellationToken);
        var lagSeconds = oldest.Count == 0 ? 0 : Math.Max(0, (time.GetUtcNow() - oldest[0].Timestamp).TotalSeconds);
        var state = checkpoint.Failure is not null ? "stopped" : lag == 0 ? "current" : "behind";
        return new ProjectionState(
            checkpoint.Name,
            checkpoint.Position,
            Math.Max(highWaterMark, checkpoint.Position),
            lag,
            Math.Round(lagSeconds, 3),
            state,
            checkpoint.Failure,
            checkpoint.UpdatedAt == 0 ? null : Instant.FromMicroseconds(checkpoint.UpdatedAt));
    }
}

/// <summary>The answer of <c>GET /api/projections</c>.</summary>
internal sealed record ProjectionList(IReadOnlyList<ProjectionState> Projections);

/// <summary>One projection.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Position">The last position applied.</param>
/// <param name="HighWaterMark">The last position safe to read.</param>
/// <param name="Lag">Positions between the two: at most so many events are missing.</param>
/// <param name="LagSeconds">How long ago the oldest of them became true.</param>
/// <param name="State"><c>current</c>, <c>behind</c> or <c>stopped</c>.</param>
/// <param name="Failure">Why it stopped.</param>
/// <param name="UpdatedAt">When it last moved.</param>
internal sealed record ProjectionState(
    string Name, long Position, long HighWaterMark, long Lag, double LagSeconds, string State, string? Failure, DateTimeOffset? UpdatedAt);
