using System.Globalization;

namespace CCGate.Metering.NodeImport;

/// <summary>A usage file of the Node project: a tenant's UTC day.</summary>
internal sealed record NodeUsageFile(FileInfo File, string Tenant);

/// <summary>Finds <c>data/usage/{tenant}/{yyyy-MM}/{yyyy-MM-dd}.json</c>, in the order of tenants and days.</summary>
internal static class NodeUsageFiles
{
    public static DirectoryInfo Usage(DirectoryInfo project) => new(Path.Combine(project.FullName, "data", "usage"));

    public static IReadOnlyList<NodeUsageFile> In(DirectoryInfo project) =>
    [
        .. from tenant in Usage(project).EnumerateDirectories()
           orderby tenant.Name
           from month in tenant.EnumerateDirectories()
           where IsDate(month.Name, "yyyy-MM")
           orderby month.Name
           from day in month.EnumerateFiles("*.json")
           where IsDate(Path.GetFileNameWithoutExtension(day.Name), "yyyy-MM-dd")
           orderby day.Name
           select new NodeUsageFile(day, tenant.Name),
    ];

    private static bool IsDate(string name, string format) => DateOnly.TryParseExact(name, format, CultureInfo.InvariantCulture, DateTimeStyles.None, out _);
}
