using System.CommandLine;
using CCGate.Cli.Commands;
using CCGate.Hosting.Configuration;
using CCGate.Tests.Infrastructure;

namespace CCGate.Tests.Integration;

/// <summary>The operator's API over a store, as commands open it without a gateway.</summary>
public sealed class OperatorApiTests
{
    [Fact]
    public async Task The_store_of_a_gateway_that_runs_can_be_asked_beside_it()
    {
        await using var provider = await ScriptedUpstream.StartAsync();
        await using var gateway = await TestGateway.StartAsync(provider);
        using var answer = await gateway.PostAsync(TestGateway.Body(stream: false));
        await gateway.EventsAsync(1);

        await using var api = await OpenAsync(gateway.Config, gateway.Data);
        var usage = await api.GetAsync("/api/usage?by=tenant", CancellationToken.None);
        using var again = await gateway.PostAsync(TestGateway.Body(stream: false));

        Assert.Equal(AnthropicAnswers.VectorUsd, usage.GetProperty("rows")[0].GetProperty("spendUsd").GetDecimal());
        Assert.True(again.IsSuccessStatusCode);
    }

    [Fact]
    public async Task What_the_API_refuses_is_what_the_command_says()
    {
        await using var gateway = await TestGateway.StartAsync("{}");

        await using var api = await OpenAsync(gateway.Config, gateway.Data);
        var failure = await Assert.ThrowsAsync<CommandFailedException>(() => api.GetAsync($"/api/requests/{Guid.Empty}", CancellationToken.None));

        Assert.Contains(Guid.Empty.ToString(), failure.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Without_a_store_nothing_is_made()
    {
        var empty = Directory.CreateTempSubdirectory("ccgate-test-");
        try
        {
            var failure = await Assert.ThrowsAsync<CommandFailedException>(() => OpenAsync(empty, new DirectoryInfo(Path.Combine(empty.FullName, "data"))));

            Assert.Contains("--data", failure.Message, StringComparison.Ordinal);
            Assert.Empty(empty.EnumerateFileSystemInfos());
        }
        finally
        {
            empty.Delete(recursive: true);
        }
    }

    private static Task<OperatorApi> OpenAsync(DirectoryInfo config, DirectoryInfo data)
    {
        var options = new StoreOptions(directory => ConfigCommand.Load(new ConfigDirectory(directory), TextWriter.Null));
        var command = new RootCommand { options.Config, options.Data, options.Url };
        return OperatorApi.OpenAsync(command.Parse(["--config", config.FullName, "--data", data.FullName]), options, CancellationToken.None);
    }
}
