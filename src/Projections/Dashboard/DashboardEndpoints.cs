using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.AspNetCore.Routing;
using Microsoft.Net.Http.Headers;

namespace CCGate.Projections.Dashboard;

/// <summary><c>/dashboard</c>: the page of operators and tenants. It holds nothing itself; what it shows comes from <c>/api</c>.</summary>
internal static class DashboardEndpoints
{
    // Inline styles are how the components set their sizes; scripts come from here alone.
    private const string ContentSecurityPolicy =
        "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; font-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'";

    private const string NotBuilt =
        """
        <!doctype html><html lang="en"><meta charset="utf-8"><title>CCGate</title>
        <h1>The dashboard was not built</h1>
        <p>The gateway works without it. To have it, install Node 20.19 or later with npm, build again (<code>dotnet build</code>), and start the gateway again.</p>
        </html>
        """;

    public static void MapDashboard(this IEndpointRouteBuilder endpoints)
    {
        var files = new DashboardFiles(new DirectoryInfo(Path.Combine(AppContext.BaseDirectory, "wwwroot", "dashboard")));
        endpoints.MapMethods("/dashboard/{**path}", ["GET", "HEAD"], (HttpContext http, string? path) => Answer(http, files, path ?? ""));
    }

    private static IResult Answer(HttpContext http, DashboardFiles files, string path)
    {
        var headers = http.Response.Headers;
        headers.ContentSecurityPolicy = ContentSecurityPolicy;
        headers.XContentTypeOptions = "nosniff";
        headers["Referrer-Policy"] = "same-origin";
        if ((files.Find(path) ?? PageAt(files, path)) is { } file)
        {
            return Send(http, file);
        }

        headers.CacheControl = "no-store";
        return files.Page is null && !path.StartsWith("assets/", StringComparison.Ordinal)
            ? TypedResults.Content(NotBuilt, "text/html; charset=utf-8", statusCode: StatusCodes.Status503ServiceUnavailable)
            : TypedResults.NotFound();
    }

    /// <summary>Every address is one of the page's own, which says when there is nothing there; but a script that is gone must not come as HTML.</summary>
    private static DashboardFile? PageAt(DashboardFiles files, string path) => path.StartsWith("assets/", StringComparison.Ordinal) ? null : files.Page;

    private static PhysicalFileHttpResult Send(HttpContext http, DashboardFile file)
    {
        var encoding = file.EncodingFor(http.Request.GetTypedHeaders().AcceptEncoding is { } accepted ? accepted : []);
        var headers = http.Response.Headers;
        headers.CacheControl = file.IsImmutable ? "public, max-age=31536000, immutable" : "no-cache";
        headers.Vary = "Accept-Encoding";
        if (encoding is not null)
        {
            headers.ContentEncoding = encoding;
        }

        var tag = new EntityTagHeaderValue($"\"{file.Hash}{(encoding is null ? "" : "-" + encoding)}\"");
        return TypedResults.PhysicalFile(DashboardFiles.StoredPath(file, encoding), file.ContentType, entityTag: tag);
    }
}
