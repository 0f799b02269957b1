// Starts the page that shows the interface; a file of its own, so that the page needs no script of its own.
"use strict";

window.addEventListener("load", () => {
  const given = JSON.parse(document.getElementById("swagger-ui").dataset.config);
  window.ui = SwaggerUIBundle({
    presets: [SwaggerUIBundle.presets.apis, SwaggerUIStandalonePreset],
    plugins: [SwaggerUIBundle.plugins.DownloadUrl],
    ...given,
  });
});
