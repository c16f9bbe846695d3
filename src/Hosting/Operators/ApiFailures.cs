using System.Data.Common;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;

namespace CCGate.Hosting.Operators;

/// <summary>Answers what no endpoint of the API can help with problem details: a store that does not answer, and a body that the server cuts off.</summary>
internal sealed partial class ApiFailures(ILogger<ApiFailures> logger)
{
    public async Task AnswerAsync(HttpContext http, RequestDelegate next)
    {
        try
        {
            await next(http);
        }
        catch (BadHttpRequestException refused) when (!http.Response.HasStarted)
        {
            await TypedResults.Problem(refused.Message, statusCode: refused.StatusCode).ExecuteAsync(http);
        }
        catch (DbException failure) when (!http.Response.HasStarted)
        {
            LogUnavailable(failure, http.Request.Method, http.Request.Path);
            await TypedResults.Problem(
                "The store does not answer or is kept busy by another process. Nothing was changed as far as is known here: look, and try again.", statusCode: StatusCodes.Status503ServiceUnavailable).ExecuteAsync(http);
        }
    }

    [LoggerMessage(Level = LogLevel.Error, Message = "{Method} {Path} failed, because the store does not answer")]
    private partial void LogUnavailable(Exception failure, string method, string path);
}
