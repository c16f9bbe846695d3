using System.CommandLine;
using CCGate.Cli.Commands;

namespace CCGate.Tests.Unit.Cli;

public sealed class CommandLineTests
{
    public static TheoryData<string> Commands => [.. All(CommandLine.Create(), "").Select(found => found.Path)];

    [Theory]
    [MemberData(nameof(Commands))]
    public async Task Every_command_explains_itself_and_all_its_options(string path)
    {
        var command = All(CommandLine.Create(), "").Single(found => found.Path == path).Command;
        using var output = new StringWriter();

        var exit = await CommandLine.Create().Parse($"{path} --help").InvokeAsync(new InvocationConfiguration { Output = output });

        Assert.Equal(0, exit);
        Assert.Contains(command.Description!, output.ToString().ReplaceLineEndings(" "), StringComparison.Ordinal);
        Assert.All(command.Options.Concat<Symbol>(command.Arguments), symbol => Assert.False(string.IsNullOrWhiteSpace(symbol.Description), symbol.Name));
    }

    private static IEnumerable<(string Path, Command Command)> All(Command command, string path) =>
        command.Subcommands.SelectMany(inner => All(inner, $"{path} {inner.Name}").Prepend(($"{path} {inner.Name}", inner)));
}
