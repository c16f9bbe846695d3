namespace CCGate.Projections.Engine;

/// <summary>The .sql files embedded in this assembly.</summary>
internal static class SqlFile
{
    public static string Read(string name)
    {
        using var stream = typeof(SqlFile).Assembly.GetManifestResourceStream($"CCGate.Projections.{name}")
            ?? throw new FileNotFoundException($"{name} is not embedded in CCGate.Projections.");
        using var reader = new StreamReader(stream);
        return reader.ReadToEnd();
    }
}
