using System.CommandLine;
using CCGate.Cli.Hosts;
using CCGate.Hosting.Configuration;
using CCGate.Hosting.Storage;
using CCGate.Metering.EventStore;
using CCGate.Projections.Administration;
using CCGate.Projections.Engine;
using CCGate.Projections.Requests;
using CCGate.Projections.Spend;
using CCGate.Projections.Traffic;
using CCGate.Projections.Unsettled;
using Microsoft.Extensions.Logging.Abstractions;

namespace CCGate.Cli.Commands;

/// <summary>Where a command finds the configuration and the store: <c>--config</c>, <c>--data</c> and <c>--url</c>.</summary>
/// <param name="load">Reads a configuration directory that exists.</param>
internal sealed class StoreOptions(Func<DirectoryInfo, GatewayConfig> load)
{
    public Option<DirectoryInfo> Config { get; } = new("--config")
    {
        Description = "The configuration directory.",
        DefaultValueFactory = _ => new DirectoryInfo("./config"),
    };

    public Option<DirectoryInfo> Data { get; } = new("--data")
    {
        Description = "The data directory of 'ccgate run'; not used when server.json names an eventStore.",
        DefaultValueFactory = _ => new DirectoryInfo("./data"),
    };

    public Option<Uri?> Url { get; } = new("--url")
    {
        Description = "Ask the gateway running at this address instead of opening its store.",
        CustomParser = argument =>
        {
            if (Uri.TryCreate(argument.Tokens[^1].Value, UriKind.Absolute, out var url) && url.Scheme is ("http" or "https"))
            {
                return url;
            }

            argument.AddError($"--url: '{argument.Tokens[^1].Value}' is not an address such as http://127.0.0.1:3000.");
            return null;
        },
    };

    /// <summary>No directory is what the environment says, the demo's configuration, or none.</summary>
    public GatewayConfig ReadConfig(ParseResult parsed)
    {
        var directory = parsed.GetValue(Config)!;
        return directory.Exists ? load(directory)
            : EnvironmentConfig.From(Environment.GetEnvironmentVariable) is { } own ? own.Config
            : parsed.GetValue(Data) is { } data && Demo.IsIn(data) ? Demo.In(data).Config
            : new GatewayConfig { Prices = PriceBookFile.Shipped };
    }

    /// <summary>Opens the store that the configuration names, or the file in the data directory.</summary>
    /// <param name="create">Whether a file that is not there is a new store.</param>
    /// <exception cref="CommandFailedException">There is none.</exception>
    public OpenStore Open(ParseResult parsed, bool create = false)
    {
        var config = ReadConfig(parsed);
        var file = new FileInfo(Path.Combine(parsed.GetValue(Data)!.FullName, "store.db"));
        if (config.EventStore is { } connectionString)
        {
            if (file.Exists)
            {
                throw new CommandFailedException($"There are two stores: {file.FullName} of 'ccgate run', and the PostgreSQL that 'eventStore' in server.json names "
                    + "for the roles. Name another directory with --data to ask PostgreSQL, or take 'eventStore' out of server.json.");
            }

            var postgres = new PostgresDatabase(connectionString.Reveal());
            return new OpenStore(config, postgres, new PostgresEventStore(postgres, NullLogger<PostgresEventStore>.Instance));
        }

        if (!file.Exists && !create)
        {
            // Opening it would create an empty store and then report that nothing was ever spent.
            throw new CommandFailedException($"There is no store at {file.FullName}: name its directory with --data, a PostgreSQL with 'eventStore' in "
                + "server.json, or a running gateway with --url.");
        }

        var sqlite = new SqliteDatabase(file.FullName);
        return new OpenStore(config, sqlite, new SqliteEventStore(sqlite, TimeProvider.System));
    }
}

/// <summary>A store as a command uses it, and the configuration it came from.</summary>
internal sealed class OpenStore(GatewayConfig config, Database database, IEventStore events) : IAsyncDisposable
{
    private readonly ProjectionRound round = new(database, events, TimeProvider.System);

    public GatewayConfig Config => config;

    public Database Database => database;

    public IEventStore Events => events;

    /// <summary>Every projection this version has.</summary>
    public IReadOnlyList<IProjection> Projections { get; } = [new SpendProjection(), new UnsettledProjection(), new AdministrationProjection(), new TrafficProjection(), new RequestsProjection()];

    public ProjectionRebuild Rebuild => new(database, events, round, TimeProvider.System);

    /// <summary>Brings the read models to the end of the ledger: no gateway may be running, and then nobody else does.</summary>
    public async Task CatchUpAsync(CancellationToken cancellationToken)
    {
        await events.MigrateAsync(cancellationToken);
        await Checkpoints.MigrateAsync(database, Projections, TimeProvider.System, cancellationToken);
        foreach (var projection in Projections)
        {
            await round.CatchUpAsync(projection, cancellationToken);
        }
    }

    /// <summary>Whether somebody of that name is configured, or was: one that was taken out of the configuration still has its history.</summary>
    public async Task<bool> KnowsTenantAsync(string tenant, CancellationToken cancellationToken)
    {
        if (config.Tenants.Any(known => known.Id == tenant))
        {
            return true;
        }

        await CatchUpAsync(cancellationToken);
        return await new SpendReader(database).KnowsTenantAsync(config, tenant, cancellationToken);
    }

    /// <summary>An empty answer about a misspelt name would look like one about somebody who owes nothing.</summary>
    public async Task RequireTenantAsync(string? tenant, CancellationToken cancellationToken)
    {
        if (tenant is not null && !await KnowsTenantAsync(tenant, cancellationToken))
        {
            throw new CommandFailedException(UnknownTenant(tenant, "--tenant: "));
        }
    }

    public static string UnknownTenant(string tenant, string option = "") => $"{option}There is no '{tenant}', neither in tenants.json nor in the ledger.";

    public async ValueTask DisposeAsync()
    {
        (events as IDisposable)?.Dispose();
        await database.DisposeAsync();
    }
}
