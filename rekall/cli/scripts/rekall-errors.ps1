
# rk! searches the last error that PowerShell keeps; of other programs it keeps no stderr.
function rk! {
    if ($Error.Count -eq 0) {
        Write-Host 'PowerShell has kept no error'
        return
    }
    $Error[0] | Out-String | rekall search --min likely --limit 3 -
}
