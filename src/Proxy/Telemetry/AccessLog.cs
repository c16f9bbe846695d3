using CCGate.Contracts;
using Microsoft.Extensions.Logging;

namespace CCGate.Proxy.Telemetry;

/// <summary>A line for each request, with what it cost.</summary>
internal sealed partial class AccessLog(ILogger<AccessLog> logger)
{
    public void Write(RequestTelemetry request)
    {
        if (request.Completed is { } completed)
        {
            LogCompleted(request.RequestId, completed.TenantId, completed.RequestedModel, completed.Outcome, completed.SpendUsd);
        }
    }

    [LoggerMessage(Level = LogLevel.Debug, Message = "Request {RequestId} of tenant {Tenant} for {Model}: {Outcome}, {SpendUsd} USD")]
    private partial void LogCompleted(Guid requestId, string tenant, string model, RequestOutcome outcome, decimal spendUsd);
}
