using System.Security.Cryptography;
using Microsoft.Net.Http.Headers;

namespace CCGate.Projections.Dashboard;

/// <summary>One file of the page.</summary>
/// <param name="Path">Where it lies.</param>
/// <param name="ContentType">What it is.</param>
/// <param name="Hash">Of its content.</param>
/// <param name="IsImmutable">Its name changes with its content, so that it never has to be asked for again.</param>
/// <param name="Encodings">The codings it lies there in too, the best first.</param>
internal sealed record DashboardFile(string Path, string ContentType, string Hash, bool IsImmutable, IReadOnlyList<string> Encodings)
{
    /// <summary>The coding to answer in; null for none.</summary>
    public string? EncodingFor(IList<StringWithQualityHeaderValue> accepted) =>
        Encodings.FirstOrDefault(encoding => accepted.Any(wanted => wanted.Value == encoding && wanted.Quality is not 0));
}

/// <summary>The files of the page as the build left them, found once: what is not among them cannot be asked for.</summary>
internal sealed class DashboardFiles
{
    private static readonly Dictionary<string, string> ContentTypes = new()
    {
        [".html"] = "text/html; charset=utf-8",
        [".js"] = "text/javascript; charset=utf-8",
        [".css"] = "text/css; charset=utf-8",
        [".svg"] = "image/svg+xml",
    };

    /// <summary>The codings that the build stores, by the end of the name, the smallest first.</summary>
    private static readonly (string Encoding, string Extension)[] Stored = [("br", ".br"), ("gzip", ".gz")];

    private readonly Dictionary<string, DashboardFile> files = new(StringComparer.Ordinal);

    public DashboardFiles(DirectoryInfo directory)
    {
        if (!directory.Exists)
        {
            return;
        }

        foreach (var file in directory.EnumerateFiles("*", SearchOption.AllDirectories))
        {
            if (ContentTypes.TryGetValue(file.Extension, out var contentType))
            {
                var name = Path.GetRelativePath(directory.FullName, file.FullName).Replace('\\', '/');
                files[name] = new DashboardFile(
                    file.FullName,
                    contentType,
                    Hash(file),
                    name.StartsWith("assets/", StringComparison.Ordinal),
                    [.. Stored.Where(stored => File.Exists(file.FullName + stored.Extension)).Select(stored => stored.Encoding)]);
            }
        }
    }

    /// <summary>What every address of a page shows; null when the page was not built.</summary>
    public DashboardFile? Page => Find("index.html");

    public DashboardFile? Find(string name) => files.GetValueOrDefault(name);

    public static string StoredPath(DashboardFile file, string? encoding) =>
        encoding is null ? file.Path : file.Path + Stored.First(stored => stored.Encoding == encoding).Extension;

    private static string Hash(FileInfo file)
    {
        using var content = file.OpenRead();
        return Convert.ToHexStringLower(SHA256.HashData(content))[..16];
    }
}
