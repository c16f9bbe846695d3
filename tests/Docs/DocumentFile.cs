using System.Text.RegularExpressions;

namespace CCGate.Tests.Docs;

/// <summary>A sample of a configuration file, as a document shows it.</summary>
internal sealed record Sample(string File, string Text);

/// <summary>One Markdown file of the repository, and what can be checked in it.</summary>
/// <param name="Name">Its path in the repository, with forward slashes.</param>
/// <param name="Text">All of it.</param>
internal sealed partial record DocumentFile(string Name, string Text)
{
    public static readonly string Root = FindRoot();

    /// <summary>What describes the product as it is.</summary>
    public static List<DocumentFile> All { get; } = [Read("README.md"), Read("CONTRIBUTING.md"), .. In("docs")];

    /// <summary>What describes why it became so.</summary>
    public static List<DocumentFile> Decisions { get; } = In("docs/decisions");

    public static DocumentFile Read(string name) => new(name, File.ReadAllText(Path.Combine(Root, name)).ReplaceLineEndings("\n"));

    /// <summary>The files and folders of the repository that it names in backticks, or links to.</summary>
    public IEnumerable<string> Paths()
    {
        var prose = Fence().Replace(Text, "");
        var folder = Path.GetDirectoryName(Name)!;
        var linked = Link().Matches(prose).Select(link => link.Groups[1].Value)
            .Where(target => !target.Contains("://", StringComparison.Ordinal))
            .Select(target => Path.Combine(folder, target));
        return Quoted().Matches(prose).Select(quoted => quoted.Groups[1].Value).Concat(linked);
    }

    /// <summary>What follows <c>./ccgate</c> in the lines of its code blocks, without comments.</summary>
    public IReadOnlyList<string> CommandLines() =>
        [.. Fence().Matches(Text).SelectMany(fence => CommandLine().Matches(fence.Value)).Select(line => line.Groups[1].Value.Trim())];

    /// <summary>The code blocks whose first line is a comment with the name of a configuration file.</summary>
    public IReadOnlyList<Sample> Samples() =>
        [.. Fence().Matches(Text).Select(fence => SampleBlock().Match(fence.Value)).Where(block => block.Success)
            .Select(block => new Sample(block.Groups["file"].Value, block.Groups["text"].Value))];

    private static List<DocumentFile> In(string folder) =>
        [.. Directory.EnumerateFiles(Path.Combine(Root, folder), "*.md").Order(StringComparer.Ordinal).Select(file => Read($"{folder}/{Path.GetFileName(file)}"))];

    private static string FindRoot()
    {
        var directory = new DirectoryInfo(AppContext.BaseDirectory);
        while (!File.Exists(Path.Combine(directory.FullName, "CCGate.sln")))
        {
            directory = directory.Parent ?? throw new DirectoryNotFoundException($"No CCGate.sln above {AppContext.BaseDirectory}.");
        }

        return directory.FullName;
    }

    [GeneratedRegex(@"^```.*?^```$", RegexOptions.Singleline | RegexOptions.Multiline)]
    private static partial Regex Fence();

    // Nothing with a star or a space in it, and a file in the root by its name.
    [GeneratedRegex(@"`((?:(?:src|tests|bench|docs|deploy|eng)(?:/[\w.-]+)*/?)|(?:[A-Z][\w.]*\.(?:md|props|sln)))`")]
    private static partial Regex Quoted();

    [GeneratedRegex(@"\]\(([^)#]+)[^)]*\)")]
    private static partial Regex Link();

    [GeneratedRegex(@"^\s*(?:\w+=\S+ )*\./ccgate\b([^#|&>\n]*)", RegexOptions.Multiline)]
    private static partial Regex CommandLine();

    [GeneratedRegex(@"^```jsonc\n// (?<file>(?:server|upstreams|tenants|prices)\.json)\n(?<text>.*)^```$", RegexOptions.Singleline | RegexOptions.Multiline)]
    private static partial Regex SampleBlock();
}
