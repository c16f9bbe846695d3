using System.Text.RegularExpressions;
using CCGate.Cli.Commands;
using CCGate.Hosting.Configuration;

namespace CCGate.Tests.Docs;

/// <summary>What the documents say about files, commands and settings is so.</summary>
public sealed partial class DocumentationTests
{
    public static TheoryData<string> Documents => [.. DocumentFile.All.Select(document => document.Name)];

    public static TheoryData<string> Decisions => [.. DocumentFile.Decisions.Select(document => document.Name)];

    [Theory]
    [MemberData(nameof(Documents))]
    [MemberData(nameof(Decisions))]
    public void Every_path_a_document_names_exists(string name)
    {
        var document = DocumentFile.Read(name);

        Assert.DoesNotContain(document.Paths(), path => !Path.Exists(Path.Combine(DocumentFile.Root, path)));
    }

    [Theory]
    [MemberData(nameof(Documents))]
    public void Every_command_line_a_document_shows_is_one(string name)
    {
        var root = CommandLine.Create();
        var wrong = DocumentFile.Read(name).CommandLines().SelectMany(line => root.Parse(line).Errors.Select(error => $"{line}: {error.Message}"));

        Assert.Empty(wrong);
    }

    [Theory]
    [MemberData(nameof(Documents))]
    public void Every_sample_of_a_configuration_file_is_valid(string name)
    {
        foreach (var sample in DocumentFile.Read(name).Samples())
        {
            var problems = Validate([sample]);

            // On its own a file may say that there is no tenant yet; it may not have an error, or a setting that does not exist.
            Assert.DoesNotContain(problems, problem => !problem.IsWarning || problem.Message == "is not a setting");
        }
    }

    [Theory]
    [InlineData("README.md")]
    [InlineData("docs/README.zh-CN.md")]
    public void The_first_configuration_a_newcomer_copies_has_nothing_to_complain_about(string name)
    {
        var first = DocumentFile.Read(name).Samples().DistinctBy(sample => sample.File).Where(sample => sample.File != "prices.json").ToList();

        Assert.Equal(["server.json", "upstreams.json", "tenants.json"], first.Select(sample => sample.File));
        Assert.Empty(Validate(first));
    }

    [Fact]
    public void Both_languages_show_the_same_commands()
    {
        var english = DocumentFile.Read("README.md").CommandLines();

        Assert.NotEmpty(english);
        Assert.Equal(english, DocumentFile.Read("docs/README.zh-CN.md").CommandLines());
    }

    [Fact]
    public void Decisions_are_numbered_once_each_and_dated()
    {
        var numbers = DocumentFile.Decisions.ConvertAll(decision => NumberedName().Match(Path.GetFileName(decision.Name)).Groups["number"].Value);

        Assert.DoesNotContain("", numbers);
        Assert.Equal(numbers.Distinct(), numbers);
        foreach (var (decision, number) in DocumentFile.Decisions.Zip(numbers))
        {
            var lines = decision.Text.Split('\n');
            Assert.StartsWith($"# {number.TrimStart('0')}. ", lines[0], StringComparison.Ordinal);
            Assert.Matches(@"^\d{4}-\d\d-\d\d$", lines[2]);
        }
    }

    private static IReadOnlyList<ConfigProblem> Validate(IEnumerable<Sample> samples)
    {
        var directory = Directory.CreateTempSubdirectory("ccgate-docs-");
        try
        {
            foreach (var sample in samples)
            {
                // Each variable has a value of its own, as it would have: two tenants with one key are an error.
                File.WriteAllText(Path.Combine(directory.FullName, sample.File), Variable().Replace(sample.Text, "of-$1"));
            }

            return new ConfigDirectory(directory).Read().Problems;
        }
        finally
        {
            directory.Delete(recursive: true);
        }
    }

    [GeneratedRegex(@"\$\{(\w+)\}")]
    private static partial Regex Variable();

    [GeneratedRegex(@"^(?<number>\d{4})-[a-z0-9-]+\.md$")]
    private static partial Regex NumberedName();
}
