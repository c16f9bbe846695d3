using System.Globalization;
using System.Text.Json;
using CCGate.Hosting.Secrets;
using CCGate.Tests.Infrastructure;
using Npgsql;

namespace CCGate.Tests.EndToEnd;

/// <summary>What <c>docs/operations.md</c> says about backups, done: made while clients ask, and the only thing that is left afterwards.</summary>
[Collection(WholeMachine.Name)]
public sealed class BackupTests
{
    private const string Operator = $$"""{ "admin": { "username": "{{TestGateway.Admin}}", "password": "{{TestGateway.Password}}" } }""";

    [Fact]
    public async Task After_the_data_directory_is_gone_a_backup_that_was_made_under_load_has_every_request_answered_before_it_once()
    {
        using var files = GatewayFiles.With(GatewayFiles.Simulator(), server: Operator);
        var load = new CrashTests.Load();
        Guid[] before;
        using (var gateway = await files.RunAsync())
        {
            var clients = Enumerable.Range(0, 8).Select(client => load.RunUntilGoneAsync(gateway.Http, $"client {client}")).ToList();
            await load.AnsweredAsync(300);
            before = [.. load.Answered];
            var backup = await BackUpAsync(files, files.Data, "backup");
            Assert.Equal(["journal.db", "store.db", "instance"], backup);
            await load.AnsweredAsync(before.Length + 100);
            gateway.Kill();
            await Task.WhenAll(clients);
        }

        Directory.Delete(files.Data, recursive: true);
        Directory.Move(Path.Combine(files.Root, "backup"), files.Data);

        using var restored = await files.RunAsync();
        await Eventually.PassesAsync(async () =>
        {
            var events = await files.EventsAsync();
            Assert.Empty(before.Except(events.Select(request => request.RequestId)));
            var total = (await restored.Http.AskAsync("/api/usage")).GetProperty("total");
            Assert.Equal((events.Count, events.Sum(request => request.SpendUsd)), (total.GetProperty("requests").GetInt32(), total.GetProperty("spendUsd").GetDecimal()));
        });
        await RunTests.AssertTheBillIsRightAsync(files);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task The_journals_and_a_dump_of_PostgreSQL_restore_the_bill_without_the_broker(bool eventsOnly)
    {
        const int Requests = 20;
        var rabbit = await RabbitMqServer.SharedAsync();
        using var postgres = await PostgresServer.StartAsync();
        var lost = await postgres.CreateDatabaseAsync();
        await using var roles = RoleFiles.Create(await rabbit.CreateVirtualHostAsync(), lost, TestGateway.Tenant());
        using (var projections = await roles.StartProjectionsAsync())
        using (var metering = await roles.StartMeteringAsync())
        using (var proxy = await roles.StartProxyAsync(1))
        {
            await AskAsync(proxy, Requests);
            await roles.StoredAsync(Requests);
            metering.Kill();
            await AskAsync(proxy, Requests); // These are in the queue, which is lost, and in the journal.
            await BackUpAsync(roles.Files, Path.Combine(roles.Files.Root, "proxy-1"), "journal");
            await DumpAsync(lost, roles.Files, eventsOnly ? ["--schema=metering"] : []);
        }

        var database = await postgres.CreateDatabaseAsync();
        await ServerProcess.RunAsync([PostgresServer.Binaries + "pg_restore", "--exit-on-error", "--dbname", Uri(database), Path.Combine(roles.Files.Root, "dump")]);
        await using var again = RoleFiles.Create(await rabbit.CreateVirtualHostAsync(), database, TestGateway.Tenant());
        Directory.Move(Path.Combine(roles.Files.Root, "journal"), Path.Combine(again.Files.Root, "proxy-1"));
        using (var projections = await again.StartProjectionsAsync())
        using (var metering = await again.StartMeteringAsync())
        using (var proxy = await again.StartProxyAsync(1))
        {
            await again.StoredAsync(2 * Requests);
            var (_, ids, spendUsd) = await again.LedgerAsync();
            Assert.Equal(2 * Requests, ids);
            await Eventually.PassesAsync(async () =>
                Assert.Equal(spendUsd, (await proxy.Http.AskAsync("/api/usage")).GetProperty("total").GetProperty("spendUsd").GetDecimal()));
        }

        await RunTests.AssertTheBillIsRightAsync(again.Files);
    }

    [Fact]
    public async Task A_backup_is_for_its_owner_alone_and_never_replaces_another_one()
    {
        using var files = new GatewayFiles();
        using (var gateway = await files.RunAsync())
        {
            await gateway.StopAsync();
        }

        SecretsKey.Of(new DirectoryInfo(files.Data));
        await BackUpAsync(files, files.Data, "backup");
        var copy = Path.Combine(files.Root, "backup");
        var second = await GatewayProcess.RunAsync("backup", "--data", files.Data, "--to", copy);

        Assert.Equal(1, second.ExitCode);
        Assert.Contains("is there already", second.Error, StringComparison.Ordinal);
        if (!OperatingSystem.IsWindows())
        {
            Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute, File.GetUnixFileMode(copy));
            Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(Path.Combine(copy, "secrets.key")));
        }

        Assert.Equal(await File.ReadAllTextAsync(Path.Combine(files.Data, "secrets.key")), await File.ReadAllTextAsync(Path.Combine(copy, "secrets.key")));
        Assert.False(Directory.Exists(copy + ".partial"));
    }

    [Fact]
    public async Task A_damaged_store_gives_no_backup_instead_of_a_damaged_one()
    {
        using var files = new GatewayFiles();
        Directory.CreateDirectory(files.Data);
        await File.WriteAllTextAsync(Path.Combine(files.Data, "store.db"), new string('x', 8192));

        var backup = await GatewayProcess.RunAsync("backup", "--data", files.Data, "--to", Path.Combine(files.Root, "backup"));

        Assert.Equal(1, backup.ExitCode);
        Assert.NotEqual("", backup.Error);
        Assert.Equal([files.Data], Directory.GetDirectories(files.Root));
    }

    [Fact]
    public async Task A_directory_without_a_journal_or_a_store_is_none_to_back_up()
    {
        using var files = new GatewayFiles();

        var backup = await GatewayProcess.RunAsync("backup", "--data", files.Data, "--to", Path.Combine(files.Root, "backup"));

        Assert.Equal(1, backup.ExitCode);
        Assert.Contains("--data", backup.Error, StringComparison.Ordinal);
        Assert.Empty(Directory.GetDirectories(files.Root));
    }

    /// <summary>Makes one and gives the names of its files.</summary>
    private static async Task<string[]> BackUpAsync(GatewayFiles files, string data, string name)
    {
        var target = Path.Combine(files.Root, name);
        var backup = await GatewayProcess.RunAsync("backup", "--data", data, "--to", target, "--json");
        Assert.True(backup.ExitCode == 0, backup.Error);
        var written = JsonElement.Parse(backup.Output);
        Assert.Equal(target, written.GetProperty("directory").GetString());
        string[] names = [.. written.GetProperty("files").EnumerateArray().Select(file => file.GetProperty("name").GetString()!)];
        Assert.Equal(names.Order(StringComparer.Ordinal), Directory.GetFiles(target).Select(file => Path.GetFileName(file)!).Order(StringComparer.Ordinal));
        return names;
    }

    private static async Task AskAsync(GatewayProcess proxy, int count)
    {
        for (var number = 0; number < count; number++)
        {
            using var answer = await proxy.Http.PostMessageAsync(TestGateway.Body(stream: false));
            answer.EnsureSuccessStatusCode();
        }
    }

    private static Task DumpAsync(string database, GatewayFiles files, string[] options) =>
        ServerProcess.RunAsync([PostgresServer.Binaries + "pg_dump", "--format=custom", .. options, "--dbname", Uri(database), "--file", Path.Combine(files.Root, "dump")]);

    private static string Uri(string database)
    {
        var parts = new NpgsqlConnectionStringBuilder(database);
        return string.Create(CultureInfo.InvariantCulture, $"postgresql://{parts.Username}:{parts.Password}@{parts.Host}:{parts.Port}/{parts.Database}");
    }
}
